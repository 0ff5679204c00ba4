package report_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/internal/report"
)

// FuzzGroupErrors reads what somebody may have made of an errors.csv: there are
// as many problems as lines, or there is an error.
func FuzzGroupErrors(f *testing.F) {
	head := "file,sheet,row,line,column,header,property,value,code,message,hint,severity,outcome\n"
	f.Add(head + "a.csv,,3,4,C,Priority,p,p9,INVALID,m,h,error,rejected\n")
	f.Add(head + "a.csv,,3,4,C,'=Priority,p,\"p\n9\",INVALID,m,h,warning,created\na.csv,,x,,,,,,,,,,\n")
	f.Add("code,row,new column\nX,1,y\nX,,z\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), report.ErrorsFile)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		var lines, counted int64
		if err := report.ReadErrors(path, func(report.ErrorRow) error { lines++; return nil }); err != nil {
			require.ErrorContains(t, err, path)
			return
		}
		groups, err := report.GroupErrors(path)
		require.NoError(t, err)
		for _, g := range groups {
			counted += g.Count
		}
		require.Equal(t, lines, counted)
	})
}
