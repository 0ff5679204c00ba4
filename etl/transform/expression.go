package transform

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/ticketetl/ticketetl/etl"
)

// An expression computes from the cells of a row. It has no loops, no
// variables and no functions that grow a text without bound, so that what it
// costs is bounded by its length and the row's.
type expression struct {
	text    string
	program *vm.Program
	columns []int // columns that it reads
	decimal byte  // how cells write numbers
}

// maxNodes bounds the size of an expression, in nodes of its syntax tree.
const maxNodes = 500

// maxExpressionText bounds, in bytes, what one function of an expression makes.
const maxExpressionText = 4 * maxText

// cellsName is what cells are called inside an expression; nobody can type it.
const cellsName = "\x00cells"

// environment is what an expression sees.
type environment struct {
	Cells []string          `expr:"\x00cells"`
	Row   map[string]string `expr:"row"` // never read: row["X"] becomes a cell
}

// errBlank is why a function of a blank text has no result.
var errBlank = errors.New("the cell is blank")

// builtins are the functions of expr-lang that are safe and pure.
var builtins = []string{
	"len", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "indexOf", "lastIndexOf",
	"hasPrefix", "hasSuffix", "abs", "ceil", "floor", "int", "min", "max", "duration",
}

// own are the names of our functions.
var own = []string{
	"number", "round", "date", "day", "text", "blank", "coalesce", "join", "part", "replace", "replaceMatches", "extract",
}

// compileExpression compiles text for the columns of h. settings says how
// number and date read. The messages say all that is wrong with it.
func compileExpression(text string, boolean bool, h *etl.Header, numbers numberConverter, dates *dateConverter) (*expression, []remark) {
	e := &expression{text: text, decimal: numbers.decimal}
	names := &columnNames{header: h, expression: e}
	options := []expr.Option{
		expr.Env(environment{}), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Patch(names),
	}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	options = append(options, functions(numbers, dates)...)
	if boolean {
		options = append(options, expr.AsBool())
	}
	program, err := expr.Compile(text, options...)
	if names.rows != 0 && len(names.faults) == 0 {
		names.wrong("write the name in quotes, e.g. row[\"Status\"]", "row needs the name of a column")
	}
	if len(names.faults) > 0 {
		return nil, names.faults
	}
	if err != nil {
		return nil, []remark{{fmt.Sprintf("expression %s: %s", quote(text), expressionError(err)), reservedHint(text, h)}}
	}
	e.program = program
	return e, nil
}

// reserved are the words of the language that cannot be read as names.
var reserved = append([]string{
	"in", "not", "and", "or", "let", "if", "else", "matches", "contains", "startsWith", "endsWith",
}, own...)

// reservedHint says how to write a column whose name is a word of the language,
// if text has such a word.
func reservedHint(text string, h *etl.Header) string {
	for _, word := range reserved {
		i, ok := h.Column(word)
		if ok && regexp.MustCompile(`(?:^|[^\w"])`+word+`(?:[^\w"]|$)`).MatchString(text) {
			return fmt.Sprintf("if the column %q is meant, write row[%q]", h.Name(i), h.Name(i))
		}
	}
	return ""
}

// A remark is what is wrong with an expression, to become a Fault.
type remark struct{ message, hint string }

func expressionError(err error) string {
	var at *file.Error
	if !errors.As(err, &at) {
		return firstLine(err.Error())
	}
	message := firstLine(at.Message)
	if at.From > 0 {
		message += fmt.Sprintf(" (at character %d)", at.From+1)
	}
	return message
}

// columnNames turns names of columns into cells, and refuses what would make
// the cost of an expression unbounded.
type columnNames struct {
	header     *etl.Header
	expression *expression
	faults     []remark
	rows       int // mentions of row that are not row["..."]
}

func (c *columnNames) wrong(hint, format string, args ...any) {
	f := remark{fmt.Sprintf("expression %s: ", quote(c.expression.text)) + fmt.Sprintf(format, args...), hint}
	if !slices.Contains(c.faults, f) {
		c.faults = append(c.faults, f)
	}
}

// Visit implements ast.Visitor; children come before their parents.
func (c *columnNames) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.identifier(node, n)
	case *ast.MemberNode:
		if row, ok := n.Node.(*ast.IdentifierNode); ok && row.Value == "row" {
			if name, ok := n.Property.(*ast.StringNode); ok {
				c.rows--
				c.cell(node, name.Value)
			}
		}
	case *ast.NilNode:
		c.literal("nil")
	case *ast.BoolNode:
		c.literal(strconv.FormatBool(n.Value))
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		c.wrong("", "variables are not allowed")
	case *ast.BinaryNode:
		if n.Operator == ".." {
			c.wrong("", "ranges are not allowed")
		}
	case *ast.PredicateNode:
		c.wrong("", "predicates are not allowed")
	case *ast.CallNode:
		c.call(n)
	}
}

// call checks the patterns of a call, which must stand in the mapping itself.
func (c *columnNames) call(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) < 2 {
		return
	}
	pattern, literal := n.Arguments[1].(*ast.StringNode)
	switch name.Value {
	case "extract", "replaceMatches":
		if !literal {
			c.wrong("", "the regular expression of %s must be a text in quotes", name.Value)
		} else if _, err := regexp.Compile(pattern.Value); err != nil {
			c.wrong("the syntax is that of RE2", "%s is no regular expression: %s", quote(pattern.Value), firstLine(plainRegexp(err)))
		}
	case "date", "day":
		if !literal {
			return
		}
		if _, message, hint := parseDateRule(pattern.Value); message != "" {
			c.wrong(hint, "%s", message)
		}
	}
}

func plainRegexp(err error) string {
	var at *syntax.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("%s: %s", at.Code, at.Expr)
	}
	return err.Error()
}

func (c *columnNames) identifier(node *ast.Node, n *ast.IdentifierNode) {
	switch {
	case n.Value == "row":
		c.rows++
	case n.Value == cellsName, slices.Contains(own, n.Value):
	default:
		c.cell(node, n.Value)
	}
}

// literal refuses a word of the language that is the name of a column too:
// whoever writes it there means the column.
func (c *columnNames) literal(word string) {
	if i, ok := c.header.Column(word); ok {
		name := c.header.Name(i)
		c.wrong(fmt.Sprintf("write row[%q]", name), "%s is a word of the language here, not the column %q", word, name)
	}
}

func (c *columnNames) cell(node *ast.Node, name string) {
	i, ok := c.header.Column(name)
	if !ok {
		c.wrong(nearest(name, c.header.Names(), columnList(c.header)), "there is no column %q", name)
		ast.Patch(node, &ast.StringNode{})
		return
	}
	if !slices.Contains(c.expression.columns, i) {
		c.expression.columns = append(c.expression.columns, i)
	}
	ast.Patch(node, &ast.MemberNode{
		Node:     &ast.IdentifierNode{Value: cellsName},
		Property: &ast.IntegerNode{Value: i},
	})
}

// listed names at most a few columns.
func listed(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), maxListed)] {
		shown = append(shown, fmt.Sprintf("%q", name))
	}
	if more := len(names) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, ", ")
}

// functions are those that number and date settings shape.
func functions(numbers numberConverter, dates *dateConverter) []expr.Option {
	return []expr.Option{
		expr.Function("number", func(p ...any) (any, error) { return numberOf(p[0], numbers) }, new(func(any) float64)),
		expr.Function("date", func(p ...any) (any, error) { return dateOf(p, dates) },
			new(func(any) time.Time), new(func(any, string) time.Time)),
		expr.Function("day", func(p ...any) (any, error) { return dayOf(p, dates) },
			new(func(any) string), new(func(any, string) string)),
		expr.Function("text", func(p ...any) (any, error) { return textOf(p[0], numbers.decimal) }, new(func(any) string)),
		expr.Function("round", func(p ...any) (any, error) { return roundTo(p) }, new(func(any) float64), new(func(any, int) float64)),
		expr.Function("replace", func(p ...any) (any, error) {
			return replaceAll(p[0].(string), p[1].(string), p[2].(string))
		}, new(func(string, string, string) string)),
		expr.Function("replaceMatches", func(p ...any) (any, error) {
			return replaceMatches(p[0].(string), p[1].(string), p[2].(string))
		}, new(func(string, string, string) string)),
		expr.Function("extract", func(p ...any) (any, error) { return extractOf(p[0].(string), p[1].(string)) }, new(func(string, string) string)),
		expr.Function("part", func(p ...any) (any, error) { return nthPart(p[0].(string), p[1].(string), p[2].(int)) },
			new(func(string, string, int) string)),
		expr.Function("blank", func(p ...any) (any, error) { return isBlank(p[0].(string)), nil }, new(func(string) bool)),
		expr.Function("coalesce", func(p ...any) (any, error) { return coalesce(p), nil }, new(func(...string) string)),
		expr.Function("join", func(p ...any) (any, error) { return joinFilled(p) }, new(func(string, ...string) string)),
	}
}

func numberOf(v any, numbers numberConverter) (any, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case string:
		if isBlank(v) {
			return nil, errBlank
		}
		plain, f := numbers.read(v)
		if f != nil {
			return nil, &textError{v, f.message}
		}
		if digits := len(strings.Trim(strings.ReplaceAll(plain, ".", ""), "-0")); digits > 15 {
			return nil, &textError{v, quote(v) + " has more digits than can be computed with"}
		}
		return strconv.ParseFloat(plain, 64)
	}
	return nil, fmt.Errorf("number needs a text, not %T", v)
}

// readDate reads the first parameter as a date, by the pattern in the second
// one if there is any.
func readDate(p []any, dates *dateConverter) (civil, error) {
	text, ok := p[0].(string)
	if !ok {
		return civil{}, fmt.Errorf("a date is read from a text, not %T", p[0])
	}
	if isBlank(text) {
		return civil{}, errBlank
	}
	rules, declared := dates.rules, dates.declared
	if len(p) > 1 {
		rule, message, _ := parseDateRule(p[1].(string))
		if message != "" {
			return civil{}, errors.New(message)
		}
		rules, declared = []dateRule{rule}, true
	}
	at, f := readByRules(strings.TrimSpace(seenOnly(text)), rules, declared)
	if f != nil {
		return civil{}, &textError{text, f.message}
	}
	return at, nil
}

// A textError is why a function cannot read a text; mostly that of a cell.
type textError struct{ text, message string }

func (e *textError) Error() string { return e.message }

func dateOf(p []any, dates *dateConverter) (any, error) {
	at, err := readDate(p, dates)
	if err != nil {
		return nil, err
	}
	seconds, f := dates.zone.moment(at)
	if f != nil {
		return nil, &textError{p[0].(string), f.message}
	}
	return time.Unix(seconds, int64(at.nano)).In(dates.zone.loc), nil
}

func dayOf(p []any, dates *dateConverter) (any, error) {
	if t, ok := p[0].(time.Time); ok {
		return t.Format(time.DateOnly), nil
	}
	at, err := readDate(p, dates)
	return at.date(), err
}

func textOf(v any, decimal byte) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		s, err := formatFloat(v)
		if decimal == ',' {
			s = strings.Replace(s, ".", ",", 1)
		}
		return s, err
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	}
	return "", fmt.Errorf("text cannot be made of %T", v)
}

// formatFloat writes f without an exponent, to 15 significant digits: what is
// behind them is the noise of binary fractions.
func formatFloat(f float64) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", errors.New("the result is not a number")
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	return strconv.FormatFloat(rounded+0, 'f', -1, 64), err
}

// run computes the expression for rec. blank means that it has no result
// because a cell that it reads is blank.
func (e *expression) run(rec *etl.Record) (result any, blank bool, f *flaw) {
	for _, i := range e.columns {
		if f := cellFlaw(fieldOf(rec, i), rec.Kind(i)); f != nil {
			f.column = i + 1
			return nil, false, f
		}
	}
	cells := e.cells(rec)
	result, err := vm.Run(e.program, environment{Cells: cells})
	if errors.Is(err, errBlank) {
		return nil, true, nil
	}
	if err != nil {
		f := flawOf(CodeExpressionFailed, "correct the cells that it reads, or the expression",
			"expression %s: %s", quote(e.text), firstLine(causeOf(err)))
		f.column = e.culprit(err, cells) + 1
		return nil, false, f
	}
	return result, false, nil
}

// culprit is the column of the cell that err is about; -1 when several cells
// have that text, or none.
func (e *expression) culprit(err error, cells []string) int {
	var of *textError
	if !errors.As(err, &of) {
		return -1
	}
	found := -1
	for _, i := range e.columns {
		switch {
		case cells[i] != of.text:
		case found >= 0:
			return -1
		default:
			found = i
		}
	}
	return found
}

// blame adds the cells that e reads to what is wrong with its result, where no
// single one of them is to blame.
func (e *expression) blame(f *flaw, rec *etl.Record) *flaw {
	if f == nil || f.column > 0 || len(e.columns) < 2 {
		return f
	}
	read := make([]string, 0, maxListed)
	for _, i := range e.columns[:min(len(e.columns), maxListed)] {
		read = append(read, etl.ColumnLetter(i)+" "+quote(fieldOf(rec, i)))
	}
	blamed := *f
	blamed.message += " (made of " + strings.Join(read, ", ") + ")"
	return &blamed
}

func causeOf(err error) string {
	var at *file.Error
	if errors.As(err, &at) {
		return at.Message
	}
	return err.Error()
}

// cells are the fields of rec, numbers of workbooks with the decimal sign that
// the mapping declares, so that the same expression reads both kinds of file.
func (e *expression) cells(rec *etl.Record) []string {
	cells := rec.Fields
	for _, i := range e.columns {
		if i >= len(cells) {
			cells = append(slices.Clone(cells), make([]string, i+1-len(cells))...)
		}
		if e.decimal == ',' && rec.Kind(i) == etl.Number {
			if &cells[0] == &rec.Fields[0] {
				cells = slices.Clone(cells)
			}
			cells[i] = strings.Replace(cells[i], ".", ",", 1)
		}
	}
	return cells
}

// test runs an expression that is true or false.
func (e *expression) test(rec *etl.Record) (bool, *flaw) {
	result, blank, f := e.run(rec)
	if f != nil {
		return false, f
	}
	if yes, ok := result.(bool); ok {
		return yes, nil
	}
	if blank {
		return false, flawOf(CodeExpressionFailed, `test for it first, e.g. Hours != "" && number(Hours) > 1`,
			"expression %s: a cell that it reads as a number or a date is blank", quote(e.text))
	}
	return false, flawOf(CodeExpressionFailed, "", "expression %s is neither true nor false", quote(e.text))
}

// cell runs an expression whose result takes the place of a cell.
func (e *expression) cell(rec *etl.Record) (c cell, f *flaw) {
	result, blank, f := e.run(rec)
	if f != nil || blank || result == nil {
		return cell{}, f
	}
	switch v := result.(type) {
	case string:
		if !utf8.ValidString(v) {
			return cell{}, flawOf(CodeExpressionFailed, "cut texts between characters", "expression %s: the result is not valid text", quote(e.text))
		}
		return cell{text: v}, nil
	case time.Time:
		return cell{text: v.Format(time.RFC3339Nano), kind: etl.DateTime}, nil
	case bool:
		return cell{text: strconv.FormatBool(v), kind: etl.Bool}, nil
	case float64:
		text, err := formatFloat(v)
		if err != nil {
			return cell{}, flawOf(CodeExpressionFailed, "", "expression %s: %s", quote(e.text), err)
		}
		return cell{text: text, kind: etl.Number}, nil
	}
	if n := reflect.ValueOf(result); n.CanInt() {
		return cell{text: strconv.FormatInt(n.Int(), 10), kind: etl.Number}, nil
	}
	return cell{}, flawOf(CodeExpressionFailed, "its result must be a text, a number, a date or true/false",
		"expression %s has a result of another kind", quote(e.text))
}

// cellFlaw is what makes a cell unusable whatever it is mapped to.
func cellFlaw(text string, kind etl.Kind) *flaw {
	switch {
	case kind == etl.CellError && strings.HasSuffix(text, etl.NotStored):
		return flawOf(CodeCellError, "open the workbook in a spreadsheet program and save it, which computes its formulas, or write the value into the cell",
			"%s%s", quote(strings.TrimSuffix(text, etl.NotStored)), etl.NotStored)
	case kind == etl.CellError:
		return flawOf(CodeCellError, "correct the formula of the cell, or empty it", "the cell has the error %s", quote(text))
	case kind == etl.Number && wholeDigits(text) > surestDigits:
		return flawOf(CodeDigitsLost, "format the column as text and enter the number again from where it came from, or import the original .csv",
			"%s is a number of more than %d digits, and a workbook keeps only %d", text, surestDigits, surestDigits)
	}
	return nil
}

// surestDigits is how many digits of a number a workbook keeps.
const surestDigits = 15

// wholeDigits counts the digits before the point.
func wholeDigits(text string) int {
	whole, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return len(whole)
}

func fieldOf(rec *etl.Record, i int) string {
	if i < 0 || i >= len(rec.Fields) {
		return ""
	}
	return rec.Fields[i]
}
