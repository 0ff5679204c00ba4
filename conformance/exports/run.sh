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

have() { command -v "$1" >/dev/null 2>&1; }
packages="python3-openpyxl miller libreoffice-calc-nogui zstd gzip"
complete() { /usr/bin/python3 -c 'import openpyxl' 2>/dev/null && have mlr && have soffice && have zstd && have gzip; }
if ! have npm; then
	echo "npm is missing: this needs Node.js 20 or later" >&2
	exit 1
fi
if ! complete; then
	if [ "$(id -u)" = 0 ]; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
	fi
	complete || {
		echo "the readers are missing; install these packages of Debian first: $packages" >&2
		exit 1
	}
fi
if [ ! -d node_modules/hyparquet ] || [ ! -d node_modules/@duckdb/node-api ]; then
	npm ci --no-audit --no-fund --loglevel=error >&2
fi
exec /usr/bin/python3 exports.py "$TICKETETL" "$@"
