package journal

// The tables. One line of batches holds the records of a whole batch as JSON,
// [[seq, source, row, line, key, payload hash], ...], and one of answers its
// outcomes, [[status, ticket id, problems], ...] in the same order, where
// problems is absent or [[column, property, value, code, message, hint,
// warning], ...]. Times are milliseconds since 1970, UTC. Each line has a checksum
// of all that stands in it, since SQLite would not notice that a page holds what
// stood there earlier, or what belongs elsewhere.
//
// The views use no function that SQLite 3.9 lacks, since people open the file
// with whatever sqlite3 their system has.
const tables = `
CREATE TABLE run (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL -- JSON
) WITHOUT ROWID;

CREATE TABLE sources (
	id    INTEGER PRIMARY KEY,
	file  TEXT NOT NULL,
	sheet TEXT NOT NULL
);

CREATE TABLE batches (
	batch   INTEGER PRIMARY KEY,
	sent    INTEGER NOT NULL, -- 0: judged without being sent
	begun   INTEGER NOT NULL,
	first   INTEGER NOT NULL, -- least and greatest seq of its records
	last    INTEGER NOT NULL,
	records TEXT NOT NULL,
	sum     INTEGER NOT NULL
);

CREATE INDEX batches_by_seq ON batches (first);

CREATE TABLE answers (
	batch    INTEGER PRIMARY KEY,
	ended    INTEGER NOT NULL,
	outcomes TEXT NOT NULL,
	sum      INTEGER NOT NULL
);

CREATE VIEW attempts AS
SELECT
	json_extract(r.value, '$[0]') AS seq,
	s.file AS file,
	s.sheet AS sheet,
	json_extract(r.value, '$[2]') AS row,
	nullif(json_extract(r.value, '$[3]'), 0) AS line,
	json_extract(r.value, '$[4]') AS key,
	coalesce(json_extract(a.outcomes, '$[' || r.key || '][0]'), 'begun') AS status,
	json_extract(a.outcomes, '$[' || r.key || '][1]') AS ticket_id,
	json_extract(a.outcomes, '$[' || r.key || '][2][0][3]') AS code,
	json_extract(a.outcomes, '$[' || r.key || '][2][0][4]') AS message,
	b.batch AS batch,
	b.sent AS sent,
	strftime('%Y-%m-%dT%H:%M:%fZ', b.begun / 1000.0, 'unixepoch') AS begun,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.ended / 1000.0, 'unixepoch') AS ended,
	json_extract(r.value, '$[5]') AS payload_hash
FROM batches b
	LEFT JOIN answers a ON a.batch = b.batch
	JOIN json_each(b.records) r
	LEFT JOIN sources s ON s.id = json_extract(r.value, '$[1]');

CREATE VIEW rows AS
SELECT seq, file, sheet, row, line, key, status, ticket_id, code, message,
	max(batch) AS batch, sum(sent) AS attempts, begun, ended, payload_hash
FROM attempts GROUP BY seq;
`

const (
	insertFact   = `INSERT OR REPLACE INTO run (key, value) VALUES (?, ?)`
	insertSource = `INSERT OR IGNORE INTO sources (id, file, sheet) VALUES (?, ?, ?)`
	insertBatch  = `INSERT INTO batches (batch, sent, begun, first, last, records, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`
	insertAnswer = `INSERT OR REPLACE INTO answers (batch, ended, outcomes, sum) VALUES (?, ?, ?, ?)`
)
