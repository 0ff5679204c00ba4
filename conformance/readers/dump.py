"""Reads workbooks with openpyxl, or LibreOffice's flat XML of them, and writes
what each cell means, as JSON: {"cells": [[row, column, kind, text]]},
{"by": {sheet or delimiter: cells}} or {"error": reason}. Rows and columns count from 1; kinds are those of etl.Kind,
by letter: s text, n number, d date or moment, r length of time, b boolean, e error.

    dump.py openpyxl FOLDER FILE...    writes FOLDER/NAME.json for each file
    dump.py flat FOLDER FILE.fods...
    dump.py csv FOLDER FILE...         with Python's own csv module
    dump.py miller FOLDER FILE...      with Miller
"""
import csv
import datetime
import json
import os
import re
import resource
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

SECONDS = 60
CELLS = 3_000_000  # of one dump
BYTES = 256 << 20  # of the texts in it
MEMORY = 6 << 30


class Cells(list):
    """A list of cells that refuses to become larger than the bounds."""

    def __init__(self):
        super().__init__()
        self.size = 0

    def add(self, row, column, kind, text):
        self.size += len(text)
        if len(self) >= CELLS or self.size > BYTES:
            raise ValueError("more than %d cells, or %d characters, which is not compared" % (CELLS, BYTES))
        self.append([row, column, kind, text])


def moment(value):
    text = value.strftime("%H:%M:%S")
    date = "%04d-%02d-%02d" % (value.year, value.month, value.day)
    millis = round(value.microsecond / 1000)
    return "%sT%s%s" % (date, text, ".%03d" % millis if millis else "")


def length(seconds):
    millis = round(seconds * 1000)
    whole, rest = divmod(millis, 1000)
    text = "%02d:%02d:%02d" % (whole // 3600, whole // 60 % 60, whole % 60)
    return text + (".%03d" % rest if rest else "")


def meaning(cell):
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "e":
        return "e", value
    if isinstance(value, bool):
        return "b", "true" if value else "false"
    if isinstance(value, (int, float)):
        return "n", repr(value)
    if isinstance(value, datetime.datetime):
        return "d", moment(value)
    if isinstance(value, datetime.date):
        return "d", moment(datetime.datetime(value.year, value.month, value.day))
    if isinstance(value, datetime.time):
        return "r", length(value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6)
    if isinstance(value, datetime.timedelta):
        return "r", length(value.total_seconds())
    return "s", str(value)


def read_openpyxl(path):
    import openpyxl

    book = openpyxl.load_workbook(path, data_only=True)
    sheet = next((s for s in book.worksheets if s.sheet_state == "visible"), None)
    if sheet is None:
        return {"error": "no visible sheet"}
    cells = Cells()
    for (row, column), cell in sorted(sheet._cells.items()):
        found = meaning(cell)
        if found and found[1] != "":
            cells.add(row, column, *found)
    return {"cells": cells}


OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def flat_text(element):
    out = [element.text or ""]
    for child in element:
        if child.tag == TEXT + "s":
            out.append(" " * int(child.get(TEXT + "c", "1")))
        elif child.tag == TEXT + "tab":
            out.append("\t")
        elif child.tag == TEXT + "line-break":
            out.append("\n")
        else:
            out.append(flat_text(child))
        out.append(child.tail or "")
    return "".join(out)


def flat_meaning(cell):
    kind = cell.get(OFFICE + "value-type")
    if kind is None:
        return None
    text = "\n".join(flat_text(p) for p in cell.findall(TEXT + "p"))
    if text.startswith("#") or text.startswith("Err:"):
        return "e", text
    if kind in ("float", "percentage", "currency"):
        return "n", cell.get(OFFICE + "value")
    if kind == "boolean":
        return "b", cell.get(OFFICE + "boolean-value")
    if kind == "date":
        value = cell.get(OFFICE + "date-value")
        if "T" not in value:
            value += "T00:00:00"
        return "d", re.sub(r"(\.\d{3})\d*$", r"\1", value)
    if kind == "time":
        hours, minutes, seconds = re.match(r"-?PT(\d+)H(\d+)M([\d.,]+)S", cell.get(OFFICE + "time-value")).groups()
        return "r", length(int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", ".")))
    return "s", text


def flat_rows(element):
    """The rows of a table, but not those of the charts in it."""
    for child in element:
        if child.tag == TABLE + "table-row":
            yield child
        elif child.tag in (TABLE + "table-row-group", TABLE + "table-header-rows", TABLE + "table-rows"):
            yield from flat_rows(child)


def flat_cells(table):
    """LibreOffice computes formulas anew, so their cells are of kind f."""
    cells = Cells()
    row = 0
    for line in flat_rows(table):
        column = 0
        rows = int(line.get(TABLE + "number-rows-repeated", "1"))
        for cell in line:
            if cell.tag not in (TABLE + "table-cell", TABLE + "covered-table-cell"):
                continue
            many = int(cell.get(TABLE + "number-columns-repeated", "1"))
            found = flat_meaning(cell)
            if found and found[1] != "":
                kind = "f" if cell.get(TABLE + "formula") else found[0]
                for r in range(rows):
                    for c in range(many):
                        cells.add(row + r + 1, column + c + 1, kind, found[1])
            column += many
        row += rows
    return cells


def read_flat(path):
    tables = ET.parse(path).getroot().find(OFFICE + "body").find(OFFICE + "spreadsheet").findall(TABLE + "table")
    return {"by": {t.get(TABLE + "name"): flat_cells(t) for t in tables}}


def csv_rows(path, delimiter):
    """The rows; where quotes inside cells are not doubled, with backslashes before them."""
    for way in ({"doublequote": True}, {"doublequote": False, "escapechar": "\\"}):
        try:
            with open(path, encoding="utf-8-sig", newline="") as f:
                return list(csv.reader(f, delimiter=delimiter, strict=True, **way))
        except csv.Error as e:
            failed = e
    raise failed


def read_csv(path):
    """Reads with each usual delimiter; who compares knows which one is right."""
    csv.field_size_limit(1 << 30)
    found = {}
    for delimiter in ",;\t|":
        try:
            rows = csv_rows(path, delimiter)
            cells = found[delimiter] = Cells()
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    cells.add(i + 1, j + 1, "s", cell)
        except csv.Error:
            pass
    return {"by": found} if found else {"error": "no delimiter"}


def read_miller(path):
    """Reads as read_csv does, with Miller."""
    found = {}
    for delimiter, name in ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")):
        command = ["mlr", "--icsv", "--ojsonl", "--ifs", name, "--implicit-csv-header", "--allow-ragged-csv-input", "-S", "cat", path]
        run = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        if run.returncode == 0:
            rows = [json.loads(line) for line in run.stdout.decode("utf-8").splitlines()]
            cells = found[delimiter] = Cells()
            for i, row in enumerate(rows):
                for j, cell in row.items():
                    cells.add(i + 1, int(j), "s", str(cell))
    return {"by": found} if found else {"error": "not read"}


def guarded(read, path):
    def late(*_):
        raise TimeoutError("took more than %d seconds" % SECONDS)

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        return read(path)
    except Exception as e:  # whatever a damaged file makes it do
        return {"error": "%s: %s" % (type(e).__name__, e)}
    finally:
        signal.alarm(0)


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    read = {"openpyxl": read_openpyxl, "flat": read_flat, "csv": read_csv, "miller": read_miller}[sys.argv[1]]
    for path in sys.argv[3:]:
        name = os.path.basename(path)
        made = os.path.join(sys.argv[2], re.sub(r"\.fods$", "", name) + ".json")
        with open(made + ".part", "w", encoding="utf-8", errors="surrogatepass") as out:
            json.dump(guarded(read, path), out)
        os.replace(made + ".part", made)  # whole or not at all, should this be stopped


main()
