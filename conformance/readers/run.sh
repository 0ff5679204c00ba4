#!/bin/sh
# Reads files that nobody here wrote (test files of other projects) with our
# reader and with others: openpyxl, LibreOffice, Miller, Python's csv, excelize. A
# cell that is read otherwise fails; a file or row that is refused is counted.
#
# The files come with packages, by name: Go modules, npm and Debian packages. None
# of them is kept here. Programs that are missing are installed where this runs as
# root on Debian, or asked for.
#
# FILES=folder keeps the files and dumps there and uses them again.
set -eu
cd "$(dirname "$0")"
here=$PWD

. ../programs.sh
for program in go npm apt-get timeout; do
	have "$program" || {
		echo "$program is missing: this needs Go, Node.js with npm, and Debian (apt-get, coreutils)" >&2
		exit 1
	}
done
second_readers "mlr soffice dpkg-source" "python3-openpyxl miller libreoffice-calc-nogui dpkg-dev"

if [ -n "${FILES:-}" ]; then
	work=$FILES
	mkdir -p "$work"
else
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM
fi
mkdir -p "$work/files" "$work/openpyxl" "$work/flat" "$work/fods" "$work/pycsv" "$work/miller" "$work/from"
: >"$work/missing"

# take FOLDER NAME copies the spreadsheets of a package, each under a name of its own.
take() {
	find "$1" -type f \( -iname '*.csv' -o -iname '*.tsv' -o -iname '*.csv.gz' -o -iname '*.xlsx' -o -iname '*.xlsm' -o -iname '*.xls' -o -iname '*.xlsb' -o -iname '*.ods' \) |
		while read -r file; do
			cp "$file" "$work/files/$2_$(echo "${file#"$1"/}" | tr '/ @' '___')"
		done
}

# Each package is tried once. One that is not to be had is told, the rest is read,
# and in the end this fails.
missing() { echo "not to be had: $*" | tee -a "$work/missing"; }
module() {
	folder=$(cd "$work/from" && go mod download -json "$1@$2" 2>/dev/null | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p') || :
	if [ -n "$folder" ]; then take "$folder" "$(basename "$1")"; else missing "Go module $1 $2"; fi
}
npm_package() {
	mkdir -p "$work/from/npm-$1"
	if (cd "$work/from/npm-$1" && npm pack "$1@$2" --silent >/dev/null 2>&1 && tar xzf ./*.tgz); then take "$work/from/npm-$1" "$1"; else missing "npm package $1 $2"; fi
}
debian_package() {
	mkdir -p "$work/from/deb-$1"
	if (cd "$work/from/deb-$1" && apt-get download "$1" >/dev/null 2>&1 && dpkg-deb -x ./*.deb x); then take "$work/from/deb-$1/x" "$1"; else missing "Debian package $1"; fi
}
# debian_source uses lists of source packages of its own, so that the machine's stay as they are.
debian_source() {
	mkdir -p "$work/from/src-$1"
	if (cd "$work/from/src-$1" && apt-get $apt source --download-only --tar-only "$1" >/dev/null 2>&1 && tar xf ./*.orig.tar.*); then take "$work/from/src-$1" "$1"; else missing "Debian source package $1"; fi
}

if [ ! -e "$work/fetched" ]; then
	module github.com/xuri/excelize/v2 v2.11.1
	module github.com/tealeg/xlsx/v3 v3.3.13
	module github.com/thedatashed/xlsxreader v1.2.8
	npm_package csv-spectrum 2.0.0
	npm_package papaparse 5.7.1
	for p in r-cran-readxl r-cran-openxlsx r-cran-readr r-cran-vroom r-cran-data.table r-cran-rio librust-csv-dev; do debian_package "$p"; done
	apt="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/from/parts -o Dir::State::lists=$work/from/lists -o Dir::Cache=$work/from/cache"
	mkdir -p "$work/from/parts" "$work/from/lists/partial" "$work/from/cache/archives/partial"
	sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/from/parts/src.sources"
	apt-get $apt update -qq >/dev/null 2>&1 || :
	for p in libapache-poi-java gnumeric libtext-csv-xs-perl opencsv commons-csv; do debian_source "$p"; done
	rm -rf "$work/from"
	[ -s "$work/missing" ] || touch "$work/fetched"
fi
echo "$(ls "$work/files" | wc -l) files"

# each PATTERN COMMAND... runs the command with the files of that pattern.
cd "$work"
each() {
	pattern=$1
	shift
	find files -iname "$pattern" -print0 | xargs -0 -r -n 10 "$@"
}

# convert SECONDS FILE... converts files with LibreOffice. One that hangs takes the
# others of its call along.
convert() {
	seconds=$1
	shift
	rm -rf fods/now
	# No file of what it writes is to be larger than 1 GiB.
	(ulimit -f 2097152 && exec timeout -k 5 "$seconds" soffice "-env:UserInstallation=file://$work/office" --headless --convert-to fods --outdir fods/now "$@") >/dev/null 2>&1 </dev/null || :
	for file; do
		bare=${file#files/}
		made=fods/now/${bare%.*}.fods
		if [ -s "$made" ]; then mv "$made" "fods/$bare.fods"; fi
	done
}
# undone PATTERN lists the workbooks that are not converted.
undone() { find files -iname "$1" | sort | while read -r file; do [ -s "fods/${file#files/}.fods" ] || echo "$file"; done; }

set -f
for pattern in '*.xlsx' '*.xlsm'; do
	each "$pattern" /usr/bin/python3 -W ignore "$here/dump.py" openpyxl openpyxl
	# Ten at a time, as one at a time would take an hour; then the rest by themselves.
	set --
	for file in $(undone "$pattern"); do
		set -- "$@" "$file"
		if [ $# = 10 ]; then
			convert 180 "$@"
			set --
		fi
	done
	[ $# = 0 ] || convert 180 "$@"
	for file in $(undone "$pattern"); do convert 60 "$file"; done
	undone "$pattern" | sed 's/^files./LibreOffice does not convert: /'
done
find fods -maxdepth 1 -name '*.fods' -print0 | xargs -0 -r -n 40 /usr/bin/python3 "$here/dump.py" flat flat
for pattern in '*.csv' '*.tsv'; do
	each "$pattern" /usr/bin/python3 "$here/dump.py" csv pycsv
	each "$pattern" /usr/bin/python3 "$here/dump.py" miller miller
done

cd "$here/../.."
READERS=$work go test ./etl/extract -count=1 -timeout 30m -run 'TestSecondReaders|TestCorpusOfCharsets' -v
if [ -s "$work/missing" ]; then
	echo "this was not all, since packages were not to be had:" >&2
	cat "$work/missing" >&2
	exit 1
fi
