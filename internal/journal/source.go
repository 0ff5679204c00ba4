package journal

import (
	"database/sql"
	"sync"

	"github.com/ticketetl/ticketetl/etl"
)

// A source is a file, or a sheet of one, by its number in the journal.
type source struct {
	id          int64
	File, Sheet string
}

// sources numbers the files and sheets that records come from, so that each
// record stores a small number.
type sources struct {
	mu   sync.Mutex
	ids  map[etl.Position]int64
	open []source // not known to be on disk
}

func (s *sources) load(db *sql.DB) error {
	rows, err := db.Query(`SELECT id, file, sheet FROM sources ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	s.ids = map[etl.Position]int64{}
	for rows.Next() {
		var one source
		if err := rows.Scan(&one.id, &one.File, &one.Sheet); err != nil {
			return err
		}
		s.ids[etl.Position{File: one.File, Sheet: one.Sheet}] = one.id
	}
	return rows.Err()
}

func (s *sources) id(p etl.Position) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	place := etl.Position{File: p.File, Sheet: p.Sheet}
	if id, ok := s.ids[place]; ok {
		return id
	}
	if s.ids == nil {
		s.ids = map[etl.Position]int64{}
	}
	id := int64(len(s.ids) + 1)
	s.ids[place] = id
	s.open = append(s.open, source{id: id, File: p.File, Sheet: p.Sheet})
	return id
}

// unsaved are the sources that must go to disk with the next request. Two
// requests may bring the same one; the second is ignored.
func (s *sources) unsaved() []source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]source(nil), s.open...)
}

func (s *sources) saved(done []source) {
	if len(done) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range done {
		for i, o := range s.open {
			if o == d {
				s.open = append(s.open[:i], s.open[i+1:]...)
				break
			}
		}
	}
}
