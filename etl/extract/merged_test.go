package extract_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl"
	"github.com/ticketetl/ticketetl/etl/extract"
)

// mergedBook writes a workbook of texts, "" for no cell and digits for numbers, with
// merged cells. Columns are parted by "|" and rows by line ends.
func mergedBook(t testing.TB, prefix, table string, merged ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<%[1]sworksheet><%[1]ssheetData>`, prefix)
	for i, row := range strings.Split(table, "\n") {
		fmt.Fprintf(&b, `<%srow r="%d">`, prefix, i+1)
		for j, text := range strings.Split(row, "|") {
			switch {
			case text == "":
			case strings.Trim(text, "0123456789") == "":
				fmt.Fprintf(&b, `<%[1]sc r="%[2]s%[3]d"><%[1]sv>%[4]s</%[1]sv></%[1]sc>`, prefix, etl.ColumnLetter(j), i+1, text)
			default:
				fmt.Fprintf(&b, `<%[1]sc r="%[2]s%[3]d" t="str"><%[1]sv>%[4]s</%[1]sv></%[1]sc>`, prefix, etl.ColumnLetter(j), i+1, text)
			}
		}
		fmt.Fprintf(&b, `</%srow>`, prefix)
	}
	fmt.Fprintf(&b, `</%[1]ssheetData><%[1]sautoFilter ref="A1:B9"/><%[1]smergeCells count="9">`, prefix)
	for _, ref := range merged {
		fmt.Fprintf(&b, `<%smergeCell ref="%s"/>`, prefix, ref)
	}
	fmt.Fprintf(&b, `</%[1]smergeCells></%[1]sworksheet>`, prefix)
	return handMade(t, map[string]string{"xl/worksheets/sheet1.xml": b.String()})
}

func TestMergedHeaders(t *testing.T) {
	t.Parallel()
	const again = "; if that is wrong, state the header (source.header)"
	tests := []struct {
		name, table string
		merged      []string
		header      int
		want        []string // names
		first       int      // row of the first ticket
		note        string
		wantErr     string
	}{
		{
			name: "a name over two rows", table: "ID|Subject|Email\n||of the requester\nT1|Printer|a@b.c\nT2|Screen|",
			merged: []string{"A1:A2", "B1:B2"},
			want:   []string{"ID", "Subject", "Email of the requester"}, first: 3,
			note: "header: rows 1 to 2, because A1:A2 is merged" + again,
		},
		{
			name: "names over several columns, with names below", table: "ID|Requester||Assignee|\n|Name|Email|Name|Email\nT1|Ann|a@b.c|Bob|b@b.c",
			merged: []string{"A1:A2", "B1:C1", "D1:E1"},
			want:   []string{"ID", "Requester Name", "Requester Email", "Assignee Name", "Assignee Email"}, first: 3,
			note: "header: rows 1 to 2, because A1:A2 is merged" + again,
		},
		{
			name: "only names over several columns", table: "Ticket||Requester|\nID|Subject|Name|Email\nT1|Printer|Ann|a@b.c",
			merged: []string{"A1:B1", "C1:D1"},
			want:   []string{"Ticket ID", "Ticket Subject", "Requester Name", "Requester Email"}, first: 3,
			note: "header: rows 1 to 2, because A1:B1, C1:D1 are merged" + again,
		},
		{
			name: "all over two rows, of which the second is blank", table: "ID|Subject\n\nT1|Printer",
			merged: []string{"A1:A2", "B1:B2"},
			want:   []string{"ID", "Subject"}, first: 3,
			note: "header: row 1, the first that is not blank",
		},
		{
			name: "few names above many", table: "ID|Answers||||||\n|Mon|Tue|Wed|Thu|Fri|Sat|Sun\nT1|x|x|x|x|x|x|x\nT2|x|x|x|x|x|x|x",
			merged: []string{"A1:A2", "B1:H1"},
			want:   []string{"ID", "Answers Mon", "Answers Tue", "Answers Wed", "Answers Thu", "Answers Fri", "Answers Sat", "Answers Sun"}, first: 3,
			note: "header: rows 1 to 2, because A1:A2 is merged" + again,
		},
		{
			name: "groups above a header that is whole", table: "||Requester||\nID|Subject|Name|Email|Phone\nT1|Printer|Ann|a@b.c|1\nT2|Printer|Ann|a@b.c|1",
			merged: []string{"C1:E1"},
			want:   []string{"ID", "Subject", "Requester Name", "Requester Email", "Requester Phone"}, first: 3,
			note: "header: rows 1 to 2, because C1:E1 is merged" + again,
		},
		{
			name: "a title", table: "Tickets of May|||\nID|Subject|Name|Email\nT1|Printer|Ann|a@b.c\nT2|Printer|Ann|a@b.c",
			merged: []string{"A1:D1"},
			want:   []string{"ID", "Subject", "Name", "Email"}, first: 3,
			note: "header: row 2; above it stand only rows with hardly a cell" + again,
		},
		{
			name: "a title of two columns", table: "Tickets of May|\nID|Subject\nT1|Printer",
			merged: []string{"A1:B1"},
			want:   []string{"ID", "Subject"}, first: 3,
			note: "header: row 2; above it stands a title over all columns" + again,
		},
		{
			name: "a name over two columns of tickets", table: "ID|Requester|\n4711|Ann|Ash",
			merged: []string{"B1:C1"},
			want:   []string{"ID", "Requester"}, first: 2,
			note: "header: row 1, the first that is not blank",
		},
		{
			name: "merged tickets", table: "ID|Subject|Name\nT1|Printer|\n||Ann",
			merged: []string{"A2:A3", "B2:B3"},
			want:   []string{"ID", "Subject", "Name"}, first: 2,
			note: "header: row 1, the first that is not blank",
		},
		{
			name: "the header is stated", table: "ID|Subject|Name\n||first\nT1|Printer|Ann",
			merged: []string{"A1:A2", "B1:B2"}, header: 1,
			want: []string{"ID", "Subject", "Name"}, first: 2,
			note: "header: row 1 alone, as stated, though A1:A2 is merged; row 2 is read as a ticket",
		},
		{
			name: "names or a ticket", table: "ID|Requester|\nT1|Ann|Ash\nT2|Bob|Birch",
			merged:  []string{"B1:C1"},
			wantErr: "B1:C1 is merged, and row 2 may be the names of its columns or a ticket; say which with --header (source.header): 1 if the header is row 1 alone, 2 if it is row 2; or merge the header's other cells over both rows",
		},
		{
			name: "a name over tickets", table: "Team|ID|Subject\n|4711|Printer\n|4712|Screen",
			merged:  []string{"A1:A3"},
			wantErr: "A1:A3 is merged, so that the header would be rows 1 to 3, which hold more than names; say with --header (source.header) which row it is",
		},
		{
			name: "a name over many rows", table: "Team|ID|Subject\n|x|Printer\n|y|Screen",
			merged:  []string{"A1:A1048576", "B2:C9", "bad", "C3:B1"},
			wantErr: "A1:A1048576 is merged, so that the header would be rows 1 to 1048576, which hold more than names; say with --header (source.header) which row it is",
		},
	}
	for _, tt := range tests {
		for _, prefix := range []string{"", "x:"} {
			t.Run(tt.name+prefix, func(t *testing.T) {
				t.Parallel()
				path := mergedBook(t, prefix, tt.table, tt.merged...)
				f, err := extract.Open(path, extract.Options{Header: tt.header})
				if tt.wantErr != "" {
					require.EqualError(t, err, path+" [Tickets]: "+tt.wantErr)
					return
				}
				require.NoError(t, err)
				defer f.Close()
				require.Equal(t, tt.want, f.Header().Names()[:len(tt.want)])
				require.Contains(t, f.Info().Notes, tt.note)
				rec, err := f.Next(context.Background())
				var fault *etl.RowError
				require.True(t, err == nil || errors.As(err, &fault), err)
				require.Equal(t, tt.first, rec.Pos.Row)
				for err == nil || errors.As(err, &fault) {
					_, err = f.Next(context.Background())
				}
				require.ErrorIs(t, err, io.EOF)
				done, total := f.Progress()
				require.Equal(t, total, done)
			})
		}
	}
}
