#!/bin/sh
# Exports an account of tickets with hostile values in every format, has each file read by
# programs that are not ours (Miller, Python's csv, openpyxl, LibreOffice, DuckDB,
# hyparquet), and compares what they read, cell by cell, with the account's own
# answers. Prints what was compared; fails if anything differs.
#
# TICKETETL=path is the program. Programs that are missing are installed where this
# runs as root on Debian, or asked for; the readers of Parquet come from npm.
set -eu
cd "$(dirname "$0")"
: "${TICKETETL:?name the program: TICKETETL=path}"

. ../programs.sh
if ! have npm; then
	echo "npm is missing: this needs Node.js 20 or later" >&2
	exit 1
fi
second_readers "mlr soffice zstd gzip" "python3-openpyxl miller libreoffice-calc-nogui zstd gzip"
if [ ! -d node_modules/hyparquet ] || [ ! -d node_modules/@duckdb/node-api ]; then
	npm ci --no-audit --no-fund --loglevel=error >&2
fi
exec /usr/bin/python3 exports.py "$TICKETETL" "$@"
