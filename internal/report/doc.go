// Package report tells people and programs what a run did: the files of the
// run folder, written as the run goes, and the summary at its end.
//
// A row is one line of results.csv, one for each Record. A problem is one line
// of errors.csv, one for each thing that is wrong with one cell. A group gathers
// the problems of one column and code, for the screen. docs/reports.md is the
// description for users; a test holds it to what is written here.
package report
