package etl

import "strings"

// ProblemsName is the defined name that leads to the sheet of a marked-up
// workbook on which ticketetl lists the problems. Spreadsheet programs keep it
// when they save the file, and change it along when the sheet is renamed.
const ProblemsName = "_ticketetl_problems"

// SheetOf is the worksheet that a reference such as 'My sheet'!$A$1 names, or ""
// when it names none, or one that is gone.
func SheetOf(reference string) string {
	i := strings.LastIndexByte(reference, '!')
	if i < 0 || strings.HasPrefix(reference, "#") {
		return ""
	}
	name := strings.TrimSpace(reference[:i])
	if inner, quoted := strings.CutPrefix(name, "'"); quoted {
		name = strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	}
	return name
}
