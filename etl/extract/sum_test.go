package extract_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ticketetl/ticketetl/etl/extract"
)

// TestSum: a text file that is hashed while it is read has the hash of all its bytes,
// however much of it was read.
func TestSum(t *testing.T) {
	t.Parallel()
	text := "h,i\n" + strings.Repeat("1,\"a \"\"b\"\"\"\n", 50_000)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, data := range map[string][]byte{
		"plain": []byte(text), "marked": []byte("\xef\xbb\xbf" + text), "utf-16": utf16File(text), "gz": packed.Bytes(),
	} {
		for _, parts := range []int{0, 1, 1 << 20} {
			path := filepath.Join(t.TempDir(), "in.csv")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			src, err := extract.Open(path, extract.Options{Sum: true})
			require.NoError(t, err)
			for range parts {
				part, err := src.Chunk(context.Background())
				if err != nil {
					break
				}
				_, end := readOn(part.Next) // which writes over the text
				require.Empty(t, end)
			}
			sum, size, err := src.Sum()
			require.NoError(t, err)
			want := sha256.Sum256(data)
			require.Equal(t, hex.EncodeToString(want[:]), sum, "%s, %d parts", name, parts)
			require.EqualValues(t, len(data), size)
			require.NoError(t, src.Close())
		}
	}
}

// utf16File is text in UTF-16 with a mark.
func utf16File(text string) []byte {
	data := []byte{0xff, 0xfe}
	for i := range len(text) {
		data = append(data, text[i], 0)
	}
	return data
}
