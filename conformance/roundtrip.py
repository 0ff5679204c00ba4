#!/usr/bin/env python3
"""Edits an editable workbook with programs that are not ours.

Exports one, lets LibreOffice save it, changes 17 cells in what LibreOffice wrote,
lets it save that again, and imports it: just these cells must differ in the
account, and the next export must change nothing. Prints "N passed, M failed"
last; fails if any did.

Needs openpyxl (python3-openpyxl) and LibreOffice (libreoffice-calc).
Usage: roundtrip.py TICKETETL
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

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


class Desk:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, command, *args):
        done = subprocess.run(
            [self.program, command, "--sandbox-data", "account.json", "--progress", "none", *args],
            cwd=self.folder, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def must(self, *args):
        code, text = self.run(*args)
        check(" ".join(args), code == 0, text)
        return text

    def account(self, name):
        """What the account holds, by (id, property)."""
        self.must("export", "-o", name, "--values", "raw", "--associations", "none")
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


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(program, pathlib.Path(name))
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
        text = desk.must("import", "tickets.xlsx")
        check("saved by LibreOffice, no cell has changed", "no cell was changed" in text, text)

        was = desk.account("before.csv")
        want = edit(desk.folder / "tickets.xlsx", 12)
        check("17 cells are changed", len(want) == 17 and all(was[k] != v for k, v in want.items()))
        desk.resave("tickets.xlsx")
        text = desk.must("import", "tickets.xlsx")
        check("17 cells are found", "17 cells in 12 rows changed" in text, text)
        now = desk.account("after.csv")
        differs = {k: v for k, v in now.items() if was[k] != v}
        check("the account differs in just these cells", differs == want, {k: (differs.get(k), want.get(k)) for k in {*differs, *want} if differs.get(k) != want.get(k)})

        desk.must("export", "--editable", "-o", "again.xlsx")
        desk.resave("again.xlsx")
        text = desk.must("import", "again.xlsx")
        check("the next export changes nothing", "no cell was changed" in text, text)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
