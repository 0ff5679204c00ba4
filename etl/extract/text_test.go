package extract_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// write puts content into a file and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// A row is what Next gave: a Record, and the problem of its row.
type row struct {
	Row, Line int
	Fields    []string
	Kinds     []etl.Kind
	Problem   *etl.Problem
}

func readAll(t testing.TB, f *extract.File) []row {
	t.Helper()
	var rows []row
	for {
		rec, err := f.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return rows
		}
		r := row{}
		var fault *etl.RowError
		if errors.As(err, &fault) {
			r.Problem = &fault.Problem
			require.Equal(t, rec.Pos, fault.Pos)
		} else {
			require.NoError(t, err)
		}
		require.Len(t, rec.Fields, f.Header().Len())
		r.Row, r.Line, r.Fields, r.Kinds = rec.Pos.Row, rec.Pos.Line, rec.Fields, rec.Kinds
		rows = append(rows, r)
	}
}

func open(t testing.TB, path string, opts extract.Options) *extract.File {
	t.Helper()
	f, err := extract.Open(path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestTextRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		opts     extract.Options
		header   []string
		want     []row
	}{
		{
			name: "line breaks in quotes stay byte for byte", in: "id,text\r\n1,\"a\r\nb\nc\"\r\n2,d\r\n",
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", "a\r\nb\nc"}}, {Row: 3, Line: 5, Fields: []string{"2", "d"}}},
		},
		{
			name: "blank rows count and give no record", in: "id,text\n\n1,a\n,\n\"\",\n2,b\n\n",
			header: []string{"id", "text"},
			want:   []row{{Row: 3, Line: 3, Fields: []string{"1", "a"}}, {Row: 6, Line: 6, Fields: []string{"2", "b"}}},
		},
		{
			name: "nothing is trimmed, doubled quotes are one", in: "id,text\n 1 ,\"say \"\"hi\"\"\"\n\"\"\"\",x\n",
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{" 1 ", `say "hi"`}}, {Row: 3, Line: 3, Fields: []string{`"`, "x"}}},
		},
		{
			name: "carriage returns alone end rows", in: "id;text\r1;\"a\rb\"\r2;c",
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", "a\rb"}}, {Row: 3, Line: 4, Fields: []string{"2", "c"}}},
		},
		{
			name: "a quote inside a cell is text", in: "id,text\n1,5\" pipe\n2,a\"b\"\n",
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", `5" pipe`}}, {Row: 3, Line: 3, Fields: []string{"2", `a"b"`}}},
		},
		{
			name: "ragged rows are faulty and the next row is not", in: "a,b,c\n1,2\n1,2,3,x y,4\n5,6,7\n",
			header: []string{"a", "b", "c"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{"1", "2", ""}, Problem: &etl.Problem{
					Column: 2, Code: "TOO_FEW_CELLS", Message: "the row has 2 cells, the header has 3",
					Hint: "add the missing cells, empty ones too; if a cell has a line break in it, put it in quotes",
				}},
				{Row: 3, Line: 3, Fields: []string{"1", "2", "3"}, Problem: &etl.Problem{
					Column: 3, Value: "x y 4", Code: "TOO_MANY_CELLS", Message: `the row has 5 cells, the header has 3; beyond it stands "x y", "4"`,
					Hint: "give the column a header; or, if the delimiter is part of a cell's text, put that cell in quotes",
				}},
				{Row: 4, Line: 4, Fields: []string{"5", "6", "7"}},
			},
		},
		{
			name: "text after a closing quote is faulty", in: "a,b\n\"x\"y,2\n3,4\n",
			header: []string{"a", "b"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{`"x"y`, "2"}, Problem: &etl.Problem{
					Column: 0, Value: "y", Code: "TEXT_AFTER_QUOTE", Message: `text follows the closing quote of a cell that begins with "\"x\""`,
					Hint: `put the whole cell in quotes and double the quotes inside it (""); if the file has a backslash before them (\"), say so (source.escape: backslash)`,
				}},
				{Row: 3, Line: 3, Fields: []string{"3", "4"}},
			},
		},
		{
			name: "blanks before an opening quote are faulty", in: "a,b\n1, \"x\"\n",
			header: []string{"a", "b"},
			want: []row{{Row: 2, Line: 2, Fields: []string{"1", ` "x"`}, Problem: &etl.Problem{
				Column: 1, Value: ` "x"`, Code: "BLANK_BEFORE_QUOTE", Message: "blanks stand before an opening quote, so it cannot be told where the cell ends",
				Hint: "remove the blanks between the delimiter and the quote",
			}}},
		},
		{
			name: "a zero byte is faulty", in: "a,b\n1,x\x00y\n" + strings.Repeat("2,normal text\n", 50),
			header: []string{"a", "b"},
			want: append([]row{{Row: 2, Line: 2, Fields: []string{"1", "x\x00y"}, Problem: &etl.Problem{
				Column: 1, Value: "x\x00y", Code: "NUL_BYTE", Message: "the row holds a zero byte, which no text has",
				Hint: "the file may be damaged, or in UTF-16 without a mark: state the encoding (source.encoding)",
			}}}, repeated(50, 3, "2", "normal text")...),
		},
		{
			name: "a stray carriage return is faulty", in: "a,b\n1,x\ry\n2,z\n",
			header: []string{"a", "b"},
			want: []row{{Row: 2, Line: 2, Fields: []string{"1", "x\ry"}, Problem: &etl.Problem{
				Column: 1, Value: "x\ry", Code: "STRAY_LINE_BREAK",
				Message: "a line break of another kind stands outside quotes, so it cannot be told where the row ends",
				Hint:    "save the file with the same line ends throughout, or put the cell in quotes",
			}}, {Row: 3, Line: 3, Fields: []string{"2", "z"}}},
		},
		{
			name: "a byte order mark before a quoted header", in: "\ufeff\"id\",\"text\"\n1,é\n",
			header: []string{"id", "text"}, want: []row{{Row: 2, Line: 2, Fields: []string{"1", "é"}}},
		},
		{
			name: "a line that tells the delimiter is not a row", in: "sep=|\r\nid|text\r\n1|a,b;c\r\n",
			header: []string{"id", "text"}, want: []row{{Row: 2, Line: 3, Fields: []string{"1", "a,b;c"}}},
		},
		{
			name: "titles above the table are passed over", in: "Tickets of May;;\n\nid;status;text\n1;Open;a\n2;Open;b\n",
			header: []string{"id", "status", "text"},
			want:   []row{{Row: 4, Line: 4, Fields: []string{"1", "Open", "a"}}, {Row: 5, Line: 5, Fields: []string{"2", "Open", "b"}}},
		},
		{
			name: "a stated header row", in: "x,y\nid,text\n1,a\n", opts: extract.Options{Header: 2},
			header: []string{"id", "text"}, want: []row{{Row: 3, Line: 3, Fields: []string{"1", "a"}}},
		},
		{
			name: "a stated delimiter", in: "id,a;text\n1;x\n", opts: extract.Options{Delimiter: ";"},
			header: []string{"id,a", "text"}, want: []row{{Row: 2, Line: 2, Fields: []string{"1", "x"}}},
		},
		{
			name: "decimal commas do not hide a semicolon", in: "id;price;text\n1;2,50;a, b\n2;3,50;c\n",
			header: []string{"id", "price", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", "2,50", "a, b"}}, {Row: 3, Line: 3, Fields: []string{"2", "3,50", "c"}}},
		},
		{
			name: "empty cells beyond the header are nothing", in: "a,b\n1,2,,\n3,4\n",
			header: []string{"a", "b"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", "2"}}, {Row: 3, Line: 3, Fields: []string{"3", "4"}}},
		},
		{
			name: "single quotes around all cells", in: "'id';'text'\n'1';'it''s; \"so\"'\n'2';'a\nb'\n",
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", `it's; "so"`}}, {Row: 3, Line: 3, Fields: []string{"2", "a\nb"}}},
		},
		{
			name: "apostrophes are text", in: "id,'text\n1,'s avonds\n2,it's\n",
			header: []string{"id", "'text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", "'s avonds"}}, {Row: 3, Line: 3, Fields: []string{"2", "it's"}}},
		},
		{
			name: "no quotes, stated", in: "id\ttext\n1\t\"5 inches\n2\t\"so\"\n", opts: extract.Options{Quote: "none"},
			header: []string{"id", "text"},
			want:   []row{{Row: 2, Line: 2, Fields: []string{"1", `"5 inches`}}, {Row: 3, Line: 3, Fields: []string{"2", `"so"`}}},
		},
		{
			name: "single quotes, stated", in: "id,text\n1,'a,b'\n", opts: extract.Options{Quote: "single"},
			header: []string{"id", "text"}, want: []row{{Row: 2, Line: 2, Fields: []string{"1", "a,b"}}},
		},
		{
			name: "backslashes before quotes, in all rows", in: `id;text` + "\n" + `1;"say \"hi\"; C:\dir"` + "\n" + `2;"\""` + "\n" + `3;"ends \\"` + "\n" + `4;"two` + "\n" + `lines \"x"` + "\n" + `5;""` + "\n" + `6;C:\new\\` + "\n",
			header: []string{"id", "text"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{"1", `say "hi"; C:\dir`}}, {Row: 3, Line: 3, Fields: []string{"2", `"`}}, {Row: 4, Line: 4, Fields: []string{"3", `ends \`}},
				{Row: 5, Line: 5, Fields: []string{"4", "two\nlines \"x"}}, {Row: 6, Line: 7, Fields: []string{"5", ""}}, {Row: 7, Line: 8, Fields: []string{"6", `C:\new\\`}},
			},
		},
		{
			name: "a path that ends with a backslash is none before a quote", in: `id,path,text` + "\n" + `1,"C:\dir\","say ""hi"""` + "\n",
			header: []string{"id", "path", "text"}, want: []row{{Row: 2, Line: 2, Fields: []string{"1", `C:\dir\`, `say "hi"`}}},
		},
		{
			name: "backslashes before quotes, stated: doubled quotes are faulty, and so is a mixture of backslashes", in: `id,text` + "\n" + `1,"say ""hi"""` + "\n" + `2,"\\host\share"` + "\n" + `3,"\\\\host\\share"` + "\n",
			opts:   extract.Options{Escape: "backslash"},
			header: []string{"id", "text"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{"1", `"say ""hi"""`}, Problem: &etl.Problem{
					Column: 1, Value: `"hi"""`, Code: "TEXT_AFTER_QUOTE", Message: `text follows the closing quote of a cell that begins with "\"say \""`,
					Hint: `put the whole cell in quotes and a backslash before the quotes inside it (\")`,
				}},
				{Row: 3, Line: 3, Fields: []string{"2", `\host\share`}, Problem: &etl.Problem{
					Column: 1, Value: `\\host\share`, Code: "AMBIGUOUS_ESCAPE", Message: "two backslashes in a row may stand for one or for themselves, as the cell has single ones too",
					Hint: "write every backslash twice in this cell, or once where it is one",
				}},
				{Row: 4, Line: 4, Fields: []string{"3", `\\host\share`}},
			},
		},
		{
			name: "both ways in one file: the rows of the other are faulty", in: `id,text` + "\n" + `1,"say ""hi"""` + "\n" + `2,"say \"hi\""` + "\n",
			header: []string{"id", "text"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{"1", `say "hi"`}},
				{Row: 3, Line: 3, Fields: []string{"2", `"say \"hi\""`}, Problem: &etl.Problem{
					Column: 1, Value: `hi\""`, Code: "TEXT_AFTER_QUOTE", Message: `text follows the closing quote of a cell that begins with "\"say \\\""`,
					Hint: `put the whole cell in quotes and double the quotes inside it (""); if the file has a backslash before them (\"), say so (source.escape: backslash)`,
				}},
			},
		},
		{
			name: "one column", in: "id\n1\n", header: []string{"id"}, want: []row{{Row: 2, Line: 2, Fields: []string{"1"}}},
		},
		{
			name: "failed rows that were mended: own columns are left out, kinds kept where the form is",
			in: "ticketetl_row,id,n,d,ticketetl_kinds,e\n" +
				"3,007,1.50,2024-02-29,snde,#N/A\n4,'=1+1,1e5,29/02/2024,snds,x;y\n",
			opts:   extract.Options{Delimiter: ";", Header: 2, Encoding: "shift_jis"},
			header: []string{"id", "n", "d", "e"},
			want: []row{
				{Row: 2, Line: 2, Fields: []string{"007", "1.50", "2024-02-29", "#N/A"}, Kinds: []etl.Kind{etl.Text, etl.Number, etl.Date, etl.CellError}},
				{Row: 3, Line: 3, Fields: []string{"=1+1", "1e5", "29/02/2024", "x;y"}},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, write(t, "in.csv", tt.in), tt.opts)
			require.Equal(t, tt.header, f.Header().Names())
			require.Equal(t, tt.want, readAll(t, f))
		})
	}
}

func repeated(n, first int, fields ...string) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{Row: first + i, Line: first + i, Fields: fields}
	}
	return rows
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	tests := []struct {
		name   string
		enc    encoding.Encoding
		text   string
		stated string
		want   string
	}{
		{name: "utf-8", enc: encoding.Nop, text: "ação €", want: "utf-8"},
		{name: "utf-8 with a mark", enc: unicode.UTF8BOM, text: "ação", want: "utf-8"},
		{name: "utf-16 little endian with a mark", enc: utf16, text: "ação 工单 😀", want: "utf-16le"},
		{name: "utf-16 big endian with a mark", enc: unicode.UTF16(unicode.BigEndian, unicode.UseBOM), text: "ação", want: "utf-16be"},
		{name: "utf-16 little endian without", enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), text: "ação", want: "utf-16le"},
		{name: "utf-16 big endian without", enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), text: "ação", want: "utf-16be"},
		{name: "windows-1252 is the guess for what is not utf-8", enc: charmap.Windows1252, text: "ação €", want: "windows-1252"},
		{name: "latin 1 is read as windows-1252", enc: charmap.ISO8859_1, text: "ação", stated: "latin1", want: "windows-1252"},
		{name: "latin 9", enc: charmap.ISO8859_15, text: "ação €", stated: "ISO-8859-15", want: "iso-8859-15"},
		{name: "shift_jis", enc: japanese.ShiftJIS, text: "チケット", stated: "Shift_JIS", want: "shift_jis"},
		{name: "a code page of DOS", enc: charmap.CodePage850, text: "ação", stated: "IBM850", want: "ibm850"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, err := tt.enc.NewEncoder().String("id;text\r\n1;\"" + tt.text + "\"\r\n2;" + tt.text + "\r\n")
			require.NoError(t, err)
			f := open(t, write(t, "in.csv", text), extract.Options{Encoding: tt.stated})
			require.Equal(t, tt.want, f.Info().Encoding)
			require.Equal(t, ";", f.Info().Delimiter)
			require.Equal(t, []string{"id", "text"}, f.Header().Names())
			require.Equal(t, []row{{Row: 2, Line: 2, Fields: []string{"1", tt.text}}, {Row: 3, Line: 3, Fields: []string{"2", tt.text}}}, readAll(t, f))
		})
	}
}

func TestUndecodable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, stated string
		want             string
	}{
		{name: "stated utf-8", in: "a,b\n1,x\xe9\n", stated: "utf-8", want: "byte 0xE9 is not UTF-8"},
		{name: "utf-8 by much evidence", in: "a,b\n" + strings.Repeat("1,é\n", 20) + "1,x\xe9\n", want: "byte 0xE9 is not UTF-8"},
		{name: "shift_jis", in: "a,b\n1,\x83\n", stated: "shift_jis", want: "a byte cannot be read as shift_jis"},
		{name: "windows-1252 leaves five bytes undefined", in: "a,b\n1,\x81\n", stated: "windows-1252", want: "a byte cannot be read as windows-1252"},
		{name: "utf-16 that is cut", in: "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00x\x00y", want: "a byte cannot be read as utf-16le"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows := readAll(t, open(t, write(t, "in.csv", tt.in), extract.Options{Encoding: tt.stated}))
			last := rows[len(rows)-1].Problem
			require.NotNil(t, last)
			require.Equal(t, "INVALID_ENCODING", last.Code)
			require.Equal(t, tt.want, last.Message)
			require.Equal(t, 1, last.Column)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	small := extract.Limits{MaxField: 100, MaxRow: 1000, MaxColumns: 10, MaxUnzipped: 5000}
	tests := []struct {
		name, in string
		opts     extract.Options
		want     string // after the path
	}{
		{name: "an empty file", in: "", want: ": the file is empty; export or save it again with its header row and rows"},
		{name: "only blank rows", in: "\n\n,,\n", want: ": the file has no rows"},
		{name: "an old workbook", in: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), want: ": this is the old Excel 97 format (.xls), or a workbook with a password; open it and save it as .xlsx or .csv, without a password"},
		{name: "a web page", in: "<html><table>", want: ": this is a web page, even if it is named like a spreadsheet; open it in a spreadsheet program and save it as .xlsx or .csv"},
		{name: "something else", in: "\x00\x01\x02\x00\x01\x03\x05\x00\x00\x00", want: ": the content is not text; save the table as .csv or .xlsx; if it is UTF-16 without a mark, state that (source.encoding: utf-16le)"},
		{name: "an unknown encoding", in: "a\n", opts: extract.Options{Encoding: "utf-9"}, want: `: "utf-9" is not an encoding that is known here; usual ones are utf-8, utf-16, windows-1252, iso-8859-1, iso-8859-15, windows-1251, shift_jis, gb18030`},
		{name: "an encoding against the mark", in: "\ufeffa\n", opts: extract.Options{Encoding: "windows-1252"}, want: ": the encoding windows-1252 is stated, but the file begins with the byte order mark of utf-8; leave the encoding out"},
		{name: "a delimiter that cannot be", in: "a\n", opts: extract.Options{Delimiter: "ab"}, want: `: "ab" cannot be the delimiter; it is one character, such as "," or ";", or "tab"`},
		{name: "a quote that cannot be", in: "a\n", opts: extract.Options{Quote: "x"}, want: `: "x" cannot be the quote around cells; it is "double", "single" or "none"`},
		{name: "a web archive", in: "MIME-Version: 1.0\nX-Document-Type: Workbook\n", want: ": this is a web archive (.mht), even if it is named like a spreadsheet; open it in a spreadsheet program and save it as .xlsx or .csv"},
		{name: "JSON", in: "[{\"id\": 1}]", want: ": this is JSON; convert it to .csv or .xlsx first, one row for each ticket"},
		{name: "Excel 4", in: "\x09\x04\x06\x00\x00\x00", want: ": this is a workbook of Excel 2 to 4 (.xls); open it in LibreOffice and save it as .xlsx or .csv"},
		{name: "another archive", in: "7z\xbc\xaf\x27\x1c\x00", want: ": this is a compressed file or an archive other than .gz; unpack it first"},
		{name: "a header beyond the end", in: "a\n1\n", opts: extract.Options{Header: 9}, want: ": the header should stand in row 9, but the file has only 2 rows"},
		{name: "a blank header", in: "a\n\nb", opts: extract.Options{Header: 2}, want: ": row 2, which should be the header, is blank"},
		{name: "an unclosed quote", in: "a,b\n1,2\n3,\"x\n4,5\n", want: `: row 3, column B: the quote that opens in line 3 ("\"x...") is not closed to the end of the file; close it, or double it if it is part of the text; if the file has no quotes around cells, say so (--quote none)`},
		{name: "an unclosed quote, bounded", in: "a,b\n3,\"x\n" + strings.Repeat("4,5\n", 50) + "\"", opts: extract.Options{Limits: small}, want: `: row 2, column B: the quote that opens in line 2 ("\"x...") is not closed within 100 bytes, the most that a cell may have; close it, or double it if it is part of the text; if the file has no quotes around cells, say so (--quote none)`},
		{name: "a huge cell", in: "a,b\n" + strings.Repeat("x", 101), opts: extract.Options{Limits: small}, want: ": row 2 (line 2), column A: the cell has more than 100 bytes; if that is right, raise --max-cell"},
		{name: "a huge row", in: "a,b\n" + strings.Repeat("x", 70000), opts: extract.Options{Limits: small}, want: `: row 2 (line 2) has more than 1000 bytes; a quote that is never closed, or another delimiter or line end than ',' and '\n', may be the reason; if the row is right, raise --max-row`},
		{name: "too many columns", in: "a,b\n" + strings.Repeat("x,", 11), opts: extract.Options{Limits: small}, want: ": row 2 (line 2) has more than 10 cells; if that is right, raise --max-columns"},
		{name: "a gzip that unpacks to too much", in: zipped(strings.Repeat("a,b\n", 5000)), opts: extract.Options{Limits: small}, want: ": the file unpacks to more than 5000 bytes, which is not what tickets do; if you trust it, raise --max-unpacked"},
		{name: "a gzip that is cut", in: zipped("a,b\n1,2\n")[:20], want: ": the compressed data ends too early; the file was not copied or downloaded whole"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "in.csv", tt.in)
			f, err := extract.Open(path, tt.opts)
			if err == nil {
				defer f.Close()
				for err == nil {
					_, err = f.Next(context.Background())
				}
			}
			require.EqualError(t, err, path+tt.want)
		})
	}
}

func TestOpenNamesWhatIsNotAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := extract.Open(dir, extract.Options{})
	require.EqualError(t, err, dir+": this is a folder; name the file in it")
	_, err = extract.Open(dir+"/no.csv", extract.Options{})
	require.EqualError(t, err, dir+"/no.csv: there is no such file")
	_, err = extract.Open(os.DevNull, extract.Options{Name: "tickets"})
	require.EqualError(t, err, `tickets: this is not a regular file; give it on standard input, as "-"`)
}

func TestGzip(t *testing.T) {
	t.Parallel()
	f := open(t, write(t, "in.data", zipped("id,text\n1,a\n")), extract.Options{Name: "-"})
	require.Equal(t, "-", f.Info().Path)
	require.Equal(t, []row{{Row: 2, Line: 2, Fields: []string{"1", "a"}}}, readAll(t, f))
	done, total := f.Progress()
	require.Equal(t, total, done)
	require.Positive(t, total)
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, err := extract.Spool(strings.NewReader("a,b\n"), dir, 4)
	require.NoError(t, err)
	stat, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), stat.Mode())
	_, err = extract.Spool(strings.NewReader("a,b\n1"), dir, 4)
	require.EqualError(t, err, "standard input has more than 4 bytes; save it as a file and name that")
	_, err = extract.Spool(strings.NewReader(""), dir, 0)
	require.EqualError(t, err, "standard input is empty")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "what was refused is removed")
}

// FuzzText reads anything, and where encoding/csv and this package follow the
// same rules, their cells are equal.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a,b\r\n\"x\r\ny\",\"\"\"\"\n", "\"a\",b\n\n\n1,\"2", "a;b\r1;2\r", "\xff\xfea\x00", "a,b\n1,\"x\"y\n3,4", "sep=;\na;b", "\x1f\x8b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		path := write(t, "in.csv", string(in))
		if src, err := extract.Open(path, extract.Options{}); err == nil {
			drain(src)
		}
		want, ok := standardRows(in)
		if !ok {
			return
		}
		src, err := extract.Open(path, extract.Options{Encoding: "utf-8", Delimiter: ",", Header: 1})
		if len(want) == 0 || err != nil && strings.HasSuffix(err.Error(), "is blank") {
			return
		}
		require.NoError(t, err)
		defer src.Close()
		got := [][]string{src.Header().Names()}
		for _, r := range readAll(t, src) {
			require.Nil(t, r.Problem)
			got = append(got, r.Fields)
		}
		want[0] = etl.NewHeader(want[0]).Names()
		require.Equal(t, want, got)
	})
}

func drain(src *extract.File) {
	defer src.Close()
	for {
		_, err := src.Next(context.Background())
		var fault *etl.RowError
		if err != nil && !errors.As(err, &fault) {
			return
		}
	}
}

// standardRows reads in with encoding/csv; ok is false where the two differ on
// purpose. The second reading, of quotes inside a cell, is left to us.
func standardRows(in []byte) (rows [][]string, ok bool) {
	if !bytes.Contains(in, []byte("\n")) || bytes.ContainsFunc(in, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }) || bytes.HasPrefix(in, []byte("\ufeff")) ||
		bytes.HasPrefix(in, []byte("\n")) || bytes.HasPrefix(bytes.ToLower(in), []byte("sep=")) || bytes.HasPrefix(in, []byte("PK")) {
		return nil, false
	}
	if string(bytes.ToValidUTF8(in, nil)) != string(in) || strings.ContainsAny(string(in), "<{%") || bytes.Contains(in, []byte("ticketetl_")) {
		return nil, false
	}
	r := csv.NewReader(bytes.NewReader(in))
	all, err := r.ReadAll()
	if err != nil {
		return nil, false
	}
	for i, fields := range all {
		if i == 0 || strings.Join(fields, "") != "" {
			rows = append(rows, fields)
		}
	}
	return rows, true
}
