// Package markup writes marked-up workbooks: a spreadsheet with its bad cells
// coloured and commented, and a sheet that lists the problems with a link to
// each cell.
//
// A workbook is a zip archive of parts. Copy gives back the user's own one: the
// parts that must change (the marked sheets, the styles, the lists of sheets and
// parts) are edited where something is added, and every other part is copied
// byte for byte. excelize is not used for this, since it writes anew what it
// understands of a workbook and drops the rest. Table makes a new workbook for
// input that is none.
//
// Memory does not grow with the sheet or the number of problems: the sheet and
// the problems are read side by side, which is why problems come in the order
// of the rows.
package markup
