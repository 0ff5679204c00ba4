package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

var errSum = errors.New("its checksum is wrong")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchSum is the checksum of one line of batches.
func batchSum(id int64, sent bool, begun int64, seqs span, records []byte) int64 {
	what := int64(0)
	if sent {
		what = 1
	}
	return checksum(records, id, what, begun, seqs.first, seqs.last)
}

// answerSum is the checksum of one line of answers.
func answerSum(id, ended int64, outcomes []byte) int64 { return checksum(outcomes, id, ended) }

func checksum(text []byte, numbers ...int64) int64 {
	sum := crc32.Checksum(text, castagnoli)
	for _, n := range numbers {
		sum = crc32.Update(sum, castagnoli, binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	return int64(sum)
}

// Verify reads the whole journal and makes sure that nothing of it is damaged or
// missing. Where it returns an error, what was sent is not known.
func (j *Journal) Verify(ctx context.Context) error {
	if err := j.verifyPages(ctx); err != nil {
		return explain(j.path, err)
	}
	for _, err := range j.Batches(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

// verifyPages asks SQLite about the structure of the file, and whether answers
// have lost their batches.
func (j *Journal) verifyPages(ctx context.Context) error {
	var found string
	if err := j.db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		// Its first line only names the file.
		return fmt.Errorf("%s: %s", damaged, found[strings.LastIndexByte(found, '\n')+1:])
	}
	var lost int64
	err := j.db.QueryRowContext(ctx, `SELECT count(*) FROM answers WHERE batch NOT IN (SELECT batch FROM batches)`).Scan(&lost)
	if err == nil && lost > 0 {
		err = fmt.Errorf("%s: %d answers have no batch", damaged, lost)
	}
	return err
}
