// Prints the rows of a Parquet file as JSON lines, each an array of cells, the
// header first, as one reader sees them: parquet.mjs duckdb|hyparquet FILE
//
// Cells are null, {"text": …}, {"number": …}, {"bool": …}, {"date": "2026-01-31"}
// or {"moment": milliseconds since 1970}.
import { once } from 'node:events';

const [reader, file] = process.argv.slice(2);

async function* viaDuckDB(path) {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create()).connect();
  const source = `read_parquet('${path.replaceAll("'", "''")}')`;
  const plan = await connection.runAndReadAll(`SELECT * FROM ${source} LIMIT 0`);
  const names = plan.columnNames();
  const types = plan.columnTypes().map(String);
  // Texts as bytes: to make texts of them, the client drops byte order marks.
  const columns = names.map((n, i) => (types[i] === 'VARCHAR' ? `encode("${n}")` : `"${n}"`));
  const result = await connection.streamAndReadAll(`SELECT ${columns} FROM ${source}`);
  yield names;
  for (const row of result.getRows()) yield row.map((v, i) => duckCell(v, types[i]));
}

function duckCell(v, type) {
  if (v === null) return null;
  switch (type) {
    case 'VARCHAR': return { text: Buffer.from(v.bytes).toString('utf8') };
    case 'DOUBLE': return { number: v };
    case 'BOOLEAN': return { bool: v };
    case 'DATE': return { date: new Date(v.days * 86400000).toISOString().slice(0, 10) };
    case 'TIMESTAMP WITH TIME ZONE': case 'TIMESTAMP': return { moment: Number(v.micros) / 1000 };
    case 'TIMESTAMP_MS': return { moment: Number(v.millis ?? v.milliseconds) };
  }
  throw new Error(`a column of type ${type}`);
}

async function* viaHyparquet(path) {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const buffer = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(buffer);
  const columns = parquetSchema(metadata).children.map((c) => c.element);
  yield columns.map((c) => c.name);
  for (const row of await parquetReadObjects({ file: buffer, metadata, compressors })) {
    yield columns.map((c) => hyCell(row[c.name], c));
  }
}

function hyCell(v, { type, converted_type: converted, logical_type: logical }) {
  if (v === null || v === undefined) return null;
  if (v instanceof Date) {
    return converted === 'DATE' || logical?.type === 'DATE' ? { date: v.toISOString().slice(0, 10) } : { moment: v.getTime() };
  }
  switch (typeof v) {
    case 'string': return { text: v };
    case 'number': return { number: v };
    case 'boolean': return { bool: v };
  }
  throw new Error(`a value of type ${typeof v} in a column of type ${type}`);
}

const readers = { duckdb: viaDuckDB, hyparquet: viaHyparquet };
for await (const row of readers[reader](file)) {
  if (!process.stdout.write(JSON.stringify(row) + '\n')) await once(process.stdout, 'drain');
}
