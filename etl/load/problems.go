package load

import (
	"errors"
	"fmt"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// problemsOf says why HubSpot refused one record: a Problem for each property
// it names, or one about the row.
func problemsOf(err error) []etl.Problem {
	var e *hubspot.Error
	if !errors.As(err, &e) {
		return []etl.Problem{rowProblem("REFUSED", err.Error())}
	}
	var problems []etl.Problem
	seen := map[string]bool{}
	for _, d := range e.Details {
		id := d.Property + "\x00" + d.Code
		if d.Property == "" || seen[id] {
			continue
		}
		seen[id] = true
		problems = append(problems, etl.Problem{
			Column: -1, Property: d.Property, Value: d.Value,
			Code: codeOf(d.Code, e), Message: refusal(d.Message, e), Hint: hintOf(codeOf(d.Code, e)),
		})
	}
	if len(problems) > 0 {
		return problems
	}
	return []etl.Problem{rowProblem(codeOf("", e), refusal(e.Message, e))}
}

func rowProblem(code, message string) etl.Problem {
	return etl.Problem{Column: -1, Code: code, Message: message, Hint: hintOf(code)}
}

func codeOf(code string, e *hubspot.Error) string {
	switch {
	case code != "":
		return code
	case len(e.Details) > 0 && e.Details[0].Code != "":
		return e.Details[0].Code
	case e.Category != "":
		return e.Category
	}
	return fmt.Sprintf("HTTP_%d", e.Status)
}

func refusal(message string, e *hubspot.Error) string {
	if message == "" {
		message = fmt.Sprintf("status %d", e.Status)
	}
	text := "HubSpot refused it: " + message
	if e.CorrelationID != "" {
		text += " (correlation id " + e.CorrelationID + ")"
	}
	return text
}

// hintOf is what to do about the codes of HubSpot's answers that a change of
// the file or of the account can mend.
func hintOf(code string) string {
	switch code {
	case "INVALID_OPTION":
		return "the account's options have changed since they were read; run the import again, or add the option in HubSpot"
	case "PROPERTY_DOESNT_EXIST":
		return "create the property in HubSpot or take it out of the mapping"
	case "READ_ONLY_VALUE":
		return "take the property out of the mapping; HubSpot sets it itself"
	case "CONFLICT":
		return "another ticket has this unique value already; use operation: upsert to change that one"
	case "OBJECT_NOT_FOUND":
		return "the record was removed while the run was going on; run the same command again"
	case "MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY":
		return "the account requires a value here; map a column to this property or give it a default"
	}
	return "correct the row in failed.csv and import that file with the same mapping"
}

func doubtProblem(err error) etl.Problem {
	return etl.Problem{
		Column: -1, Code: "NO_ANSWER",
		Message: "it was sent, and no answer came, so HubSpot may have stored it or not: " + err.Error(),
		Hint:    "look in HubSpot whether the ticket is there before you send the row again",
	}
}

func settledProblem(text string) etl.Problem {
	return etl.Problem{Column: -1, Code: "SETTLED", Message: text, Hint: "nothing to do", Warning: true}
}
