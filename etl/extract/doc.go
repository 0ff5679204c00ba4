// Package extract holds the Sources: CSV text, workbooks, and the account's
// own tickets.
//
// A file is judged by its content, never by its name: text (in whichever
// encoding), the same compressed by gzip, or a workbook (.xlsx). Open detects
// what its Options leave open, and Info says what it found and why.
//
// Rows are numbered as a spreadsheet program numbers them: from 1, the header
// and blank rows counted. A blank row is a row in which every cell is empty; it
// yields no Record.
package extract
