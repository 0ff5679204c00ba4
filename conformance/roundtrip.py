#!/usr/bin/env python3
"""Edits editable workbooks with programs that are not ours.

Exports one, lets LibreOffice save it, changes 17 cells in what LibreOffice wrote,
lets it save that again, and imports it: just these cells must be sent, in one
request, and differ in the account, and the next export must send nothing when it is
imported. Then the same of an account with 5,000 options, 150 stages and 2,000
owners. What is sent is counted between the program and the account. Prints what was
sent, and "N passed, M failed" last; fails if any did.

Needs openpyxl (python3-openpyxl) and LibreOffice (libreoffice-calc).
Usage: roundtrip.py TICKETETL
"""

import csv
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import openpyxl

ROOT = pathlib.Path(__file__).resolve().parent.parent
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED:", what, detail)


class Between(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the account, and keeps the updates."""

    protocol_version = "HTTP/1.1"

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/tickets/batch/update"):
            self.server.updates.append(json.loads(body)["inputs"])
        account = http.client.HTTPConnection(self.server.account)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding", "connection")}
        account.request(self.command, self.path, body or None, headers)
        answer = account.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        account.close()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def log_message(self, *_):
        pass


class Desk:
    """An account of its own, and the program at work with it."""

    def __init__(self, program, folder, *account):
        self.program, self.folder = program, folder
        self.account_process = subprocess.Popen(
            [program, "sandbox", "--no-limits", "--index-lag", "0", *account], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        url = urllib.parse.urlsplit(self.account_process.stdout.readline().strip())
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
        self.server.account, self.server.updates = url.netloc, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = {**os.environ, "HUBSPOT_ACCESS_TOKEN": "x", "HUBSPOT_BASE_URL": f"http://127.0.0.1:{self.server.server_port}"}

    def close(self):
        self.server.shutdown()
        self.account_process.terminate()
        self.account_process.wait()

    def must(self, command, *args):
        done = subprocess.run(
            [self.program, command, "--progress", "none", *args], cwd=self.folder, env=self.env, capture_output=True, text=True)
        text = done.stdout + done.stderr
        check(" ".join((command, *args)), done.returncode == 0, text)
        return text

    def imports(self, what, name, cells, requests):
        """Imports, and looks how many cells are sent in how many requests."""
        self.server.updates.clear()
        text = self.must("import", "--yes", name)
        sent = {(i["id"], p): v for inputs in self.server.updates for i in inputs for p, v in i["properties"].items()}
        print(f"{what}: {len(sent)} cells sent, in {len(self.server.updates)} batch{'es'[:2 * (len(self.server.updates) != 1)]}")
        check(f"{what}: {cells} cells are sent in {requests} batches", (len(sent), len(self.server.updates)) == (cells, requests), sent)
        return text, sent

    def account(self, name, *args):
        """What the account holds, by (id, property)."""
        self.must("export", "-o", name, "--values", "raw", "--associations", "none", *args)
        with open(self.folder / name, newline="", encoding="utf-8") as f:
            return {(row["hs_object_id"], p): v for row in csv.DictReader(f) for p, v in row.items() if p != "hs_lastmodifieddate"}

    def resave(self, name):
        """LibreOffice opens the file and saves it anew."""
        out = self.folder / "saved"
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{self.folder}/profile", "--headless",
             "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out), str(self.folder / name)],
            check=True, capture_output=True, timeout=300)
        (out / name).replace(self.folder / name)


# Properties in the order of their changes: what the cell gets, what is stored.
CHANGES = [
    ("subject", "Changed, \"here\" 😀", "Changed, \"here\" 😀"),
    ("content", "first line\nsecond =1+1", "first line\nsecond =1+1"),
    ("hs_ticket_priority", "High", "HIGH"),
    ("hs_ticket_priority", "Urgent", "URGENT"),
    ("hs_ticket_category", "Billing issue;Feature request", "BILLING_ISSUE;FEATURE_REQUEST"),
    ("hubspot_owner_id", "karina.assuncao@desk.example", "712000113"),
    ("protocolo", "900719925474099266", "900719925474099266"),
    ("cep", "01310-100", "01310-100"),
    ("urgente", True, "true"),
    ("cliente_vip", "Sim", "true"),
    ("data_vencimento", "2027-01-31", "2027-01-31"),
    ("visita_agendada", "2026-07-01 09:00", "2026-07-01T12:00:00Z"),
    ("horas_trabalhadas", 2.25, "2.25"),
    ("conta_erp_id", "876543210987654321", "876543210987654321"),
    ("telefone_retorno", "+551133334444", "+551133334444"),
    ("plano_sla", "Ouro", "sla_ouro"),
    ("subject", "Another", "Another"),
]


def edit(path, rows):
    """Makes CHANGES, one in each row, round and round; returns what is to be stored."""
    book = openpyxl.load_workbook(path)
    sheet = book["Tickets"]
    columns = {c.value: c.column for c in sheet[1]}
    want = {}
    for i, (name, cell, stored) in enumerate(CHANGES):
        row = 2 + i % rows
        sheet.cell(row, columns[name]).value = cell
        want[(sheet.cell(row, 1).value, name)] = stored
    book.save(path)
    return want


def differences(was, now):
    return {k: v for k, v in now.items() if was[k] != v}


def unlike(got, want):
    return {k: (got.get(k), want.get(k)) for k in {*got, *want} if got.get(k) != want.get(k)}


def usual(program, folder):
    desk = Desk(program, folder)
    desk.must("import", "-m", str(ROOT / "mappings/workbook.yaml"), str(ROOT / "samples/workbook.csv"))
    desk.must("export", "--editable", "-o", "tickets.xlsx")
    book = openpyxl.load_workbook(desk.folder / "tickets.xlsx")
    before = len(book["Tickets"].data_validations.dataValidation)
    hidden = {s.title for s in book if s.sheet_state != "visible"}
    check("three sheets are hidden", len(hidden) == 3, hidden)

    desk.resave("tickets.xlsx")
    book = openpyxl.load_workbook(desk.folder / "tickets.xlsx")
    check("LibreOffice keeps the drop-downs", len(book["Tickets"].data_validations.dataValidation) >= before > 5)
    check("LibreOffice keeps the protection", book["Tickets"].protection.sheet)
    check("LibreOffice leaves hidden what was hidden", {s.title for s in book if s.sheet_state != "visible"} == hidden)
    text, _ = desk.imports("saved by LibreOffice", "tickets.xlsx", 0, 0)
    check("saved by LibreOffice, no cell has changed", "no cell was changed" in text, text)

    was = desk.account("before.csv")
    want = edit(desk.folder / "tickets.xlsx", 12)
    check("17 cells are changed", len(want) == 17 and all(was[k] != v for k, v in want.items()))
    desk.resave("tickets.xlsx")
    text, sent = desk.imports("17 cells changed in LibreOffice's file", "tickets.xlsx", 17, 1)
    check("17 cells are found", "17 cells in 12 rows changed" in text, text)
    check("just these cells are sent", sent == want, unlike(sent, want))
    differs = differences(was, desk.account("after.csv"))
    check("the account differs in just these cells", differs == want, unlike(differs, want))

    desk.must("export", "--editable", "-o", "again.xlsx")
    desk.resave("again.xlsx")
    text, _ = desk.imports("exported again", "again.xlsx", 0, 0)
    check("the next export changes nothing", "no cell was changed" in text, text)
    desk.close()


OPTIONS, STAGES, OWNERS, TICKETS = 5000, 150, 2000, 400
LABELS = [
    "Option {}, with a comma", 'Option {} "quoted"', "=SUM(A{})", "Ação nº {}; 😀", "-{}", "+55 {}", "'{}'", "@option{}", "000{}", "1e{}",
    "Option {} " + "of a long name " * 15 + "end", "<b>&amp;{}</b>", "Option {}|with|bars", "2026-01-{}", "TRUE {}", "#N/A {}",
]


def label(i):
    return LABELS[i % len(LABELS)].format(i)


def choices(book, letter):
    """What the drop-down of a column offers, and its formula."""
    for v in book["Tickets"].data_validations.dataValidation:
        if any(r.coord.startswith(letter + "2") for r in v.sqref.ranges):
            sheet, _, cells = v.formula1.replace("$", "").replace("'", "").partition("!")
            sheet = sheet.strip("=")
            if sheet in book.sheetnames and book[sheet].sheet_state != "visible":
                return [row[0].value for row in book[sheet][cells]]
    return []


def many(program, folder):
    """An account of thousands of choices with labels that programs like to change."""
    schema = folder / "schema.json"
    subprocess.run([program, "schema", "--sandbox", "-o", str(schema)], check=True, capture_output=True)
    world = json.loads(schema.read_text())
    like = next(p for p in world["properties"] if p["name"] == "produto")
    world["properties"].append({**like, "name": "muitos", "label": "Muitos", "options": [
        {"label": label(i), "value": f"opt_{i}", "displayOrder": i, "hidden": False} for i in range(OPTIONS)]})
    world["pipelines"].append({"id": "900", "label": 'Obras, "grandes"', "displayOrder": 9, "archived": False, "stages": [
        {"id": str(9000 + i), "label": label(i), "displayOrder": i, "archived": False, "metadata": {"ticketState": "OPEN", "isClosed": "false"}}
        for i in range(STAGES)]})
    world["owners"] += [{"id": str(713000000 + i), "email": f"person.{i}@desk.example", "type": "PERSON", "firstName": "Person",
                         "lastName": f"Number {i}", "archived": False} for i in range(OWNERS)]
    schema.write_text(json.dumps(world))

    desk = Desk(program, folder, "--schema", str(schema))
    with open(folder / "many.csv", "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["Subject", "Stage", "Option", "Owner"])
        out.writerows([f"Ticket {i}", 9000 + i % STAGES, f"opt_{i * 12}", 713000000 + i * 4] for i in range(TICKETS))
    (folder / "many.yaml").write_text("""version: 1
operation: create
properties: {subject: Subject, hs_pipeline: {value: "900"}, hs_pipeline_stage: Stage, muitos: Option, hubspot_owner_id: Owner}
""")
    desk.must("import", "--yes", "-m", "many.yaml", "many.csv")
    columns = "--properties=subject,hs_pipeline_stage,muitos,hubspot_owner_id"
    desk.must("export", "--editable", "-o", "many.xlsx", "--associations", "none", columns)
    desk.resave("many.xlsx")
    book = openpyxl.load_workbook(folder / "many.xlsx")
    sheet = book["Tickets"]
    letters = {c.value: c.column_letter for c in sheet[1]}
    options, owners = choices(book, letters["muitos"]), choices(book, letters["hubspot_owner_id"])
    check("the drop-down of 5,000 options refers to a hidden sheet", options == [label(i) for i in range(OPTIONS)], options[:20])
    check("so does that of the owners", {f"person.{i}@desk.example" for i in range(OWNERS)} <= set(owners), owners[:5])
    text, _ = desk.imports("5,000 options, saved by LibreOffice", "many.xlsx", 0, 0)
    check("with many choices, no cell has changed", "no cell was changed" in text, text)

    was = desk.account("before.csv", columns)
    want = {}
    for i in range(0, TICKETS, 2):
        ticket = sheet.cell(i + 2, 1).value
        at = int(was[(ticket, "muitos")].removeprefix("opt_")) + 1
        sheet[f"{letters['muitos']}{i + 2}"].value = options[at]
        want[(ticket, "muitos")] = f"opt_{at}"
        if options[at].startswith("="):
            sheet[f"{letters['muitos']}{i + 2}"].data_type = "s"
    for i, name, cell, stored in [(1, "hs_pipeline_stage", label(STAGES - 1), str(9000 + STAGES - 1)), (3, "hubspot_owner_id", "person.1999@desk.example", "713001999")]:
        sheet[f"{letters[name]}{i + 2}"].value = cell
        want[(sheet.cell(i + 2, 1).value, name)] = stored
    book.save(folder / "many.xlsx")
    desk.resave("many.xlsx")
    _, sent = desk.imports("5,000 options, 202 cells changed", "many.xlsx", len(want), 3)
    check("just the changed choices are sent", sent == want, unlike(sent, want))
    differs = differences(was, desk.account("after.csv", columns))
    check("the account differs in just these choices", differs == want, unlike(differs, want))
    desk.must("export", "--editable", "-o", "again.xlsx", "--associations", "none", columns)
    desk.resave("again.xlsx")
    desk.imports("5,000 options, exported again", "again.xlsx", 0, 0)
    desk.close()


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    for part in usual, many:
        with tempfile.TemporaryDirectory() as name:
            part(program, pathlib.Path(name))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
