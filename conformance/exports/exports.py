#!/usr/bin/env python3
"""Compares exports, as programs read them that are not ours, with the account.

Fills a sandbox account with tickets whose values are hostile to file formats, reads
them back through the API (the account's own dump), exports them in every format and
packing, has each file read by two programs where there are two, and compares every
cell. Prints a line for each file and reader and the sums; fails if a cell differs, or
if one of the exports that must be refused is not.

Usage: exports.py TICKETETL (run.sh installs what it needs)
"""

import csv
import datetime
import gzip
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import urllib.request
import zoneinfo

import openpyxl

HERE = pathlib.Path(__file__).resolve().parent
ZONE = zoneinfo.ZoneInfo("America/Sao_Paulo")  # the account's
csv.field_size_limit(1 << 24)

# The columns of the exports, with the kind of each. 'long' does not fit a workbook.
COLUMNS = {
    "hs_object_id": "id", "external_id": "text", "subject": "text", "content": "long", "observacoes": "text", "solicitante": "text",
    "protocolo": "text", "cep": "text", "etiquetas": "text", "conta_erp_id": "text", "horas_trabalhadas": "number", "valor_cobrado": "number",
    "urgente": "bool", "cliente_vip": "text", "data_vencimento": "date", "createdate": "moment", "closed_date": "moment",
    "hs_ticket_priority": "text", "hs_ticket_category": "text", "hubspot_owner_id": "text", "hs_pipeline": "text", "hs_pipeline_stage": "text",
    "associations.contacts": "ids",
}
LABELLED = ["hs_ticket_priority", "hs_ticket_category", "cliente_vip", "hubspot_owner_id", "hs_pipeline", "hs_pipeline_stage"]

HOSTILE = [
    "=1+1", "+55 11 98888-7777", "-2+3", "@SUM(A1:A2)", "\tbegins with a tab", "'=quoted", "''", "=HYPERLINK(\"http://example.com\",\"x\")",
    "two\nlines", "three\n\nlines\n", "a,b;c|d\te", 'says "yes"', '"', '""', '"a","b"', "back\\slash\\n", "007", "00", "1e5", "1E400", "0x1F", "1,5", "1.50", "-0",
    "900719925474099267", "123456789012345678", "2026-01-31", "31/01/2026", "1/2", "TRUE", "true", "#N/A", "#REF!", "NULL", "null", "NaN", "nil",
    "😀👩‍👩‍👧🇧🇷", "São José – ação", "日本語テキスト", "مرحبا بالعالم", "שלום", "e\u0301 é", "\u200bzero width", "\ufeffmark", "\u00a0hard blank\u00a0", "\u2028separator",
    " outer blanks ", "_x0041_", "_x000D_", "&amp;<b>&#10;", "<![CDATA[x]]>", "]]>", "%00", "$(reboot)", "`x`", "a" * 8000, "\U0001f600" * 4000, "[]", "{}", "{\"a\":1}", "--", "#comment", "\x7f",
]

cells = files = 0
differences = []


def differ(where, what):
    differences.append(where)
    if differences.count(where) <= 5:
        print("DIFFERS:", where, what)


class Account:
    """The sandbox, asked through its API."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.server = subprocess.Popen(
            [program, "sandbox", "--listen", "127.0.0.1:0", "--no-limits", "--index-lag", "0s"], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
        self.url = self.server.stdout.readline().strip()

    def ask(self, path, body=None):
        request = urllib.request.Request(
            self.url + path, data=None if body is None else json.dumps(body).encode(), headers={"Authorization": "Bearer x", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def dump(self):
        """All tickets, by the listing."""
        tickets, after = [], ""
        names = ",".join(n for n in COLUMNS if "." not in n)
        while True:
            page = self.ask(f"/crm/v3/objects/tickets?limit=100&associations=contacts&properties={names}" + (f"&after={after}" if after else ""))
            tickets += page["results"]
            after = page.get("paging", {}).get("next", {}).get("after", "")
            if not after:
                break
        rows = []
        for t in sorted(tickets, key=lambda t: int(t["id"])):
            row = {n: t["properties"].get(n) or "" for n in COLUMNS}
            row["hs_object_id"] = t["id"]
            row["associations.contacts"] = ";".join(sorted({a["id"] for a in t.get("associations", {}).get("contacts", {}).get("results", [])}, key=int))
            rows.append(row)
        return rows

    def export(self, name, *flags, code=0):
        env = dict(os.environ, HUBSPOT_ACCESS_TOKEN="x", HUBSPOT_BASE_URL=self.url)
        done = subprocess.run([self.program, "export", "-o", name, "--progress", "none", *flags], cwd=self.folder, env=env, capture_output=True, text=True)
        if done.returncode != code:
            differ(name, f"exit status {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return self.folder / name, done.stderr


def random_text(rng):
    alphabet = "aé=+-@'\"\t\n,;|\\0123 😀語_x&<>%"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40)))


def tickets(rng, owners, contacts):
    """Properties and contacts of the tickets to create."""
    texts = HOSTILE + [random_text(rng) for _ in range(300)]
    for i, text in enumerate(texts):
        p = {"external_id": f"{i:05d}", "subject": text if text.strip() else "x" + text, "hs_pipeline": "0", "hs_pipeline_stage": str(1 + i % 4),
             "observacoes": rng.choice(texts), "solicitante": rng.choice(texts), "etiquetas": text}
        if i % 3:
            p |= {"protocolo": str(rng.randint(10**17, 10**18 - 1)), "cep": f"{rng.randint(0, 99999):05d}", "conta_erp_id": str(rng.randint(10**17, 10**18 - 1)),
                  "horas_trabalhadas": rng.choice(["0", "1.50", "-2.25", "123456789012.5", "0.1", "999999999999999", "0.000001"]), "valor_cobrado": f"{rng.randint(-10**6, 10**9) / 100:.2f}"}
        if i % 2:
            p |= {"urgente": rng.choice(["true", "false"]), "cliente_vip": rng.choice(["true", "false"]), "data_vencimento": f"{rng.randint(2010, 2099)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                  "createdate": f"{rng.randint(1990, 2025)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}.{rng.choice(['000', '001', '500', '999'])}Z",
                  "hs_ticket_priority": rng.choice(["LOW", "MEDIUM", "HIGH", "URGENT"]),
                  "hs_ticket_category": ";".join(rng.sample(["PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY"], rng.randint(1, 4))),
                  "hubspot_owner_id": rng.choice(owners)}
        if i % 50 == 0:
            p["content"] = ("é=\n\"" * 16384)[:65536]
        elif i % 5:
            p["content"] = rng.choice(texts)
        yield p, rng.sample(contacts, rng.choice([0, 0, 1, 3]))


def fill(account):
    rng = random.Random(5)
    owners = [o["id"] for o in account.ask("/crm/v3/owners?limit=100")["results"]]
    contacts = [c["id"] for c in account.ask("/crm/v3/objects/contacts?limit=100")["results"]]
    inputs = []
    for i, (p, to) in enumerate(tickets(rng, owners, contacts)):
        inputs.append({"objectWriteTraceId": str(i), "properties": p,
                       "associations": [{"to": {"id": c}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16}]} for c in to]})
    for at in range(0, len(inputs), 50):
        answer = account.ask("/crm/v3/objects/tickets/batch/create", {"inputs": inputs[at:at + 50]})
        if answer.get("errors"):
            sys.exit(f"the account refuses a ticket: {answer['errors'][0]}")


def labels(account):
    """What is shown of stored values, by property."""
    shown = {}
    for name in LABELLED[:3]:
        p = account.ask(f"/crm/v3/properties/tickets/{name}")
        shown[name] = {o["value"]: o["label"] for o in p["options"]}
    shown["hubspot_owner_id"] = {o["id"]: o.get("email") or (o.get("firstName", "") + " " + o.get("lastName", "")).strip() for o in account.ask("/crm/v3/owners?limit=500")["results"]}
    pipelines = account.ask("/crm/v3/pipelines/tickets")["results"]
    shown["hs_pipeline"] = {p["id"]: p["label"] for p in pipelines}
    shown["hs_pipeline_stage"] = {s["id"]: s["label"] for p in pipelines for s in p["stages"]}
    return shown


def labelled(rows, shown):
    return [{n: ";".join(shown[n].get(v, v) for v in text.split(";")) if n in shown else text for n, text in row.items()} for row in rows]


def guarded(text):
    """A text as it may stand in a CSV file that a spreadsheet program opens."""
    bare = text.lstrip("'")
    risky = bare != "" and bare[0] in "=+-@\t\r\n" and (bare != text or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", bare))
    return "'" + text if risky else text


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# What a cell of each kind of file must hold, of a stored text.

def as_text(kind, text):
    return text


def in_workbook(kind, text):
    if text == "":
        return None
    if kind == "number":
        return float(text)
    if kind == "bool":
        return text == "true"
    if kind == "date":
        return datetime.datetime.fromisoformat(text)
    if kind == "moment":
        return moment(text).astimezone(ZONE).replace(tzinfo=None)
    return text


def in_hyparquet(kind, text):
    """hyparquet cuts a byte order mark off the front of a text (its TextDecoder does)."""
    return in_parquet(kind, text.removeprefix("\ufeff"))


def in_parquet(kind, text):
    if text == "":
        return None
    if kind == "number":
        return {"number": float(text)}
    if kind == "bool":
        return {"bool": text == "true"}
    if kind == "date":
        return {"date": text}
    if kind == "moment":
        return {"moment": round(moment(text).timestamp() * 1000)}
    return {"text": text}


# Readers: each gives the header and the rows of a file.

def unpacked(path):
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    return path.read_bytes()


def via_python(path):
    rows = list(csv.reader(unpacked(path).decode("utf-8").splitlines(keepends=True), strict=True))
    return rows[0], rows[1:]


PACKED = {".gz", ".zst"}


def miller(path, *flags):
    """Miller unpacks gzip itself; of its ways to read Zstandard, 6.6 fails with some."""
    to, given = ([path], None) if path.suffix != ".zst" else ([], unpacked(path))
    packed = ["--gzin"] if path.suffix == ".gz" else []
    done = subprocess.run(["mlr", *packed, "-S", *flags, "--ojsonl", "cat", *to], input=given, check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line]


def via_miller(path):
    rows = miller(path, "--no-auto-unflatten", "--icsv")
    return list(rows[0]), [list(r.values()) for r in rows]


def via_json(path):
    rows = [json.loads(line) for line in unpacked(path).decode("utf-8").split("\n")[:-1]]
    return flat_header(rows[0]), [flat(r) for r in rows]


def via_miller_json(path):
    rows = miller(path, "--ijsonl")
    return flat_header(rows[0]), [flat(r) for r in rows]


def flat_header(line):
    return ["hs_object_id", *line["properties"], *("associations." + to for to in line["associations"])]


def flat(line):
    for v in line["properties"].values():
        if v == "":
            raise ValueError("an empty text stands where null should")
    return [line["id"], *("" if v is None else v for v in line["properties"].values()), *(";".join(ids) for ids in line["associations"].values())]


def unescaped(value):
    """_x0041_ in a workbook stands for A (ECMA-376, ST_Xstring)."""
    if isinstance(value, str):
        return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), value)
    return value


def via_openpyxl(path, unescape=unescaped):
    if path.suffix != ".xlsx":
        plain = path.with_suffix("") if path.suffix in PACKED else path
        plain = plain.with_name("unpacked-" + plain.name)
        plain.write_bytes(unpacked(path))
        path = plain
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    rows = [[unescape(v) for v in row] for row in book[book.sheetnames[0]].iter_rows(values_only=True)]
    return rows[0], rows[1:]


def libreoffice(path, to):
    out = path.parent / "saved"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{path.parent}/profile", "--headless", "--convert-to", to, "--outdir", str(out), str(path)],
        check=True, capture_output=True, timeout=300)
    return out / (path.stem + ".xlsx")


def via_libreoffice(path):
    """What LibreOffice has read, as it saves it anew. It saves _x0041_ as it is."""
    return via_openpyxl(libreoffice(path, "xlsx:Calc MS Excel 2007 XML"), lambda value: value)


def parquet(reader):  # reader: as parquet.mjs calls it
    def read(path):
        if path.suffix in PACKED:
            plain = path.with_name("unpacked-" + path.stem)
            plain.write_bytes(unpacked(path))
            path = plain
        done = subprocess.run(["node", HERE / "parquet.mjs", reader, path], check=True, capture_output=True)
        rows = [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line]
        return rows[0], rows[1:]
    return read


def same(want, got):
    if isinstance(want, datetime.datetime) and isinstance(got, datetime.datetime):
        return abs(want - got) < datetime.timedelta(milliseconds=1)  # a workbook counts days
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, float):
        return isinstance(got, (int, float)) and float(got) == want
    return want == got


def compare(name, reader_name, reader, path, columns, rows, form):
    """Compares one file, as one program reads it, with what the account has."""
    global cells, files
    where = f"{name} by {reader_name}"
    try:
        header, got = reader(path)
    except Exception as e:  # a file that cannot be read is a difference
        differ(where, f"{type(e).__name__}: {e}")
        return
    files += 1
    if list(header) != columns:
        differ(where, f"the header is {header}")
        return
    if len(got) != len(rows):
        differ(where, f"{len(got)} rows, not {len(rows)}")
        return
    before = len(differences)
    for row, read in zip(rows, got):
        read = list(read) + [None] * (len(columns) - len(read))  # openpyxl cuts empty cells off the end
        for n, value in zip(columns, read):
            cells += 1
            if not same(want := form(KINDS[n], row[n]), value):
                differ(where, f"ticket {row['hs_object_id']}, {n}: {value!r:.120}, not {want!r:.120}")
    print(f"{where}: {len(got)} rows, {len(got) * len(columns)} cells, {len(differences) - before} differ")


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        account = Account(program, pathlib.Path(folder))
        try:
            check(account)
        finally:
            account.server.terminate()
            account.server.wait()
    print(f"{files} readings, {cells} cells compared with the account, {len(differences)} differ")
    return 1 if differences else 0


def check(account):
    fill(account)
    rows = account.dump()
    everything = list(COLUMNS)
    fits = [n for n in everything if COLUMNS[n] != "long"]
    shown = labelled(rows, labels(account))

    def flags(columns):
        return ["--properties", ",".join(n for n in columns if "." not in n and n != "hs_object_id"), "--associations", "contacts"]

    text = [("Python's csv", via_python), ("Miller", via_miller)]
    lines = [("Python's json", via_json), ("Miller", via_miller_json)]
    sheets = [("openpyxl", via_openpyxl), ("LibreOffice", via_libreoffice)]
    columnar = [("DuckDB", parquet("duckdb")), ("hyparquet", parquet("hyparquet"))]
    in_csv = lambda kind, value: guarded(value)  # noqa: E731
    for name, columns, readers, want, form, more in [
        ("raw.csv", everything, text, rows, as_text, ["--values", "raw"]),
        ("raw.csv.gz", everything, text, rows, as_text, ["--values", "raw"]),
        ("raw.csv.zst", everything, text, rows, as_text, ["--values", "raw"]),
        ("labels.csv", everything, text, shown, in_csv, []),
        ("unguarded.csv", everything, text, shown, as_text, ["--guard", "never"]),
        ("raw.jsonl", everything, lines, rows, as_text, []),
        ("raw.jsonl.gz", everything, lines, rows, as_text, []),
        ("raw.jsonl.zst", everything, lines, rows, as_text, []),
        ("labels.xlsx", fits, sheets, shown, in_workbook, []),
        ("raw.xlsx", fits, sheets, rows, in_workbook, ["--values", "raw"]),
        ("raw.xlsx.gz", fits, sheets[:1], rows, in_workbook, ["--values", "raw"]),
        ("raw.xlsx.zst", fits, sheets[:1], rows, in_workbook, ["--values", "raw"]),
        ("raw.parquet", everything, columnar, rows, in_parquet, []),
        ("raw.parquet.gz", everything, columnar, rows, in_parquet, []),
        ("raw.parquet.zst", everything, columnar, rows, in_parquet, []),
        ("labels.parquet", everything, columnar, shown, in_parquet, ["--values", "labels"]),
        ("text.parquet", everything, columnar[:1], rows, lambda kind, value: {"text": value} if value else None, ["--types", "text"]),
    ]:
        path, _ = account.export(name, *flags(columns), *more)
        for reader_name, reader in readers:
            compare(name, reader_name, reader, path, columns, want, in_hyparquet if form is in_parquet and reader_name == "hyparquet" else form)

    check_history(account, rows)

    # A text that a cell of a workbook does not hold must not be cut.
    path, said = account.export("long.xlsx", *flags(everything), code=1)
    if "does not fit a workbook's cell" not in said or path.exists():
        differ("long.xlsx", f"a text of 65,536 characters is not refused: {said}")


HISTORY = {"hs_object_id": "id", "property": "text", "value": "text", "timestamp": "moment", "source_type": "text", "source_id": "text",
           "source_label": "text", "updated_by_user_id": "text"}
KINDS = COLUMNS | HISTORY


def check_history(account, rows):
    """Changes some tickets, and compares the file of what properties were before."""
    texts = ["=1+1", "two\nlines", "", "😀"]
    for at, text in enumerate(texts):
        inputs = [{"objectWriteTraceId": r["hs_object_id"], "id": r["hs_object_id"], "properties": {"solicitante": text, "horas_trabalhadas": str(at)}} for r in rows[:90]]
        account.ask("/crm/v3/objects/tickets/batch/update", {"inputs": inputs})
    names = ["horas_trabalhadas", "solicitante"]
    want = []
    for at in range(0, len(rows), 50):
        ids = [{"id": r["hs_object_id"]} for r in rows[at:at + 50]]
        answer = account.ask("/crm/v3/objects/tickets/batch/read", {"inputs": ids, "properties": [], "propertiesWithHistory": names})
        for t in sorted(answer["results"], key=lambda t: int(t["id"])):
            for n in names:
                for v in t["propertiesWithHistory"].get(n, []):
                    want.append({"hs_object_id": t["id"], "property": n, "value": v["value"], "timestamp": v["timestamp"], "source_type": v["sourceType"],
                                 "source_id": v["sourceId"], "source_label": v["sourceLabel"], "updated_by_user_id": v.get("updatedByUserId") or ""})

    def lines(path):
        found = [json.loads(line) for line in unpacked(path).decode("utf-8").split("\n")[:-1]]
        return list(found[0]), [["" if v is None else v for v in r.values()] for r in found]

    for name, reader_name, reader, form in [
        ("history.csv", "Python's csv", via_python, as_text), ("history.csv.gz", "Miller", via_miller, as_text), ("history.jsonl.zst", "Python's json", lines, as_text),
        ("history.xlsx", "openpyxl", via_openpyxl, in_workbook), ("history.xlsx", "LibreOffice", via_libreoffice, in_workbook), ("history.parquet", "DuckDB", parquet("duckdb"), in_parquet),
    ]:
        account.export("tickets.csv", "--properties", "subject", "--history", name, "--history-of", ",".join(names), "--guard", "never")
        compare(name, reader_name, reader, account.folder / name, list(HISTORY), want, form)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
