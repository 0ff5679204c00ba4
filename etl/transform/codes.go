package transform

// The codes of problems that a mapping finds. They are stable: programs may
// branch on them. docs/errors.md lists them with what to do.
const (
	CodeCellError         = "CELL_ERROR"         // the cell holds a spreadsheet error such as #N/A
	CodeDigitsLost        = "DIGITS_LOST"        // a number of a workbook with more digits than workbooks keep
	CodeInvalidText       = "INVALID_TEXT"       // not UTF-8, or with a NUL character
	CodeEncodedTwice      = "ENCODED_TWICE"      // warning: letters that were encoded as UTF-8 twice
	CodeGuardedText       = "GUARDED_TEXT"       // warning: an apostrophe that guards against formulas
	CodeInvisibleText     = "INVISIBLE_TEXT"     // warning: only characters that cannot be seen; counts as blank
	CodeTotalsRow         = "TOTALS_ROW"         // a row of totals, not of a ticket
	CodeHeaderAgain       = "HEADER_AGAIN"       // a row that repeats the header
	CodeTooLong           = "TOO_LONG"           // more characters than HubSpot stores
	CodeMissingValue      = "MISSING_VALUE"      // blank, where HubSpot needs a value
	CodeMissingKey        = "MISSING_KEY"        // the key of the row is blank
	CodeInvalidKey        = "INVALID_KEY"        // a key with outer blanks, or of the wrong form
	CodeInvalidNumber     = "INVALID_NUMBER"     // not a number in the declared form
	CodeInvalidBool       = "INVALID_BOOL"       // neither yes nor no
	CodeInvalidDate       = "INVALID_DATE"       // not a date in the declared form
	CodeImpossibleDate    = "IMPOSSIBLE_DATE"    // a day or a time that does not exist
	CodeAmbiguousDate     = "AMBIGUOUS_DATE"     // two declared forms fit, with different results
	CodeTwoDigitYear      = "TWO_DIGIT_YEAR"     // a year of two digits
	CodeDateWithTime      = "DATE_WITH_TIME"     // a time of day for a property that holds a day
	CodeTimeGap           = "TIME_GAP"           // a local time that daylight saving leaves out
	CodeTimeOverlap       = "TIME_OVERLAP"       // a local time that daylight saving has twice
	CodeOtherCalendar     = "OTHER_CALENDAR"     // warning: a year that may be one of another calendar
	CodePrecisionCut      = "PRECISION_CUT"      // warning: HubSpot keeps milliseconds
	CodeInvalidOption     = "INVALID_OPTION"     // no option of the property
	CodeAmbiguousOption   = "AMBIGUOUS_OPTION"   // several options fit
	CodeHiddenOption      = "HIDDEN_OPTION"      // warning: an option that HubSpot hides
	CodeNotInTable        = "NOT_IN_TABLE"       // not listed in the mapping's table of values
	CodeLeftOut           = "LEFT_OUT"           // warning: left out, as the mapping says (otherwise: skip)
	CodeInvalidOwner      = "INVALID_OWNER"      // no owner of the account
	CodeAmbiguousOwner    = "AMBIGUOUS_OWNER"    // several owners fit
	CodeArchivedOwner     = "ARCHIVED_OWNER"     // warning: an owner who was deactivated
	CodeInvalidTeam       = "INVALID_TEAM"       // no team of the account
	CodeAmbiguousTeam     = "AMBIGUOUS_TEAM"     // several teams fit
	CodeInvalidPipeline   = "INVALID_PIPELINE"   // no ticket pipeline of the account
	CodeAmbiguousPipeline = "AMBIGUOUS_PIPELINE" // several pipelines fit
	CodeInvalidStage      = "INVALID_STAGE"      // no stage of the row's pipeline
	CodeAmbiguousStage    = "AMBIGUOUS_STAGE"    // several stages fit
	CodeInvalidPhone      = "INVALID_PHONE"      // not a telephone number
	CodeInvalidEmail      = "INVALID_EMAIL"      // not an e-mail address
	CodeInvalidDomain     = "INVALID_DOMAIN"     // not a domain name
	CodeInvalidID         = "INVALID_ID"         // not a record id
	CodeInvalidReference  = "INVALID_REFERENCE"  // cannot name a record of another object
	CodeRuleBroken        = "RULE_BROKEN"        // against a validation rule of the property
	CodeExpressionFailed  = "EXPRESSION_FAILED"  // an expression of the mapping fails on this row
)
