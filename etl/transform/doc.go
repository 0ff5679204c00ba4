// Package transform holds the mapping: the file that says which column of a
// spreadsheet becomes which ticket property, and how.
//
// Load reads a mapping strictly, Compile checks it against an account's
// definitions and the header of one source, and the Mapper that comes out fills
// records in: a pure function of one record. Draft writes a first mapping.
//
// A fault is something wrong with the mapping file, told with line and column,
// all of them at once. A problem (etl.Problem) is something wrong with one cell.
// A rule is one way to read a date; a table translates cell texts; a converter
// brings a text to the form in which HubSpot stores values of one type.
package transform
