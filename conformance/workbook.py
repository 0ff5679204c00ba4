#!/usr/bin/env python3
"""Checks marked-up workbooks with programs that are not ours.

Marks samples/erros.xlsx and a workbook that openpyxl writes, then compares the
copy with the original, as openpyxl reads both and as LibreOffice converts both:
every cell that is not marked has the same value and the same style, and every
sheet has what it had. Then mends a cell, saves the copy with both programs, and
looks whether the next copy has only the marks that are left. Prints "N passed, M failed" last; fails if any did.

Needs openpyxl (python3-openpyxl) and LibreOffice (libreoffice-calc).
Usage: workbook.py TICKETETL
"""

import datetime
import pathlib
import subprocess
import sys
import tempfile

import openpyxl
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule, ColorScaleRule
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "_ticketetl_problems"
CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"

MAPPING = """version: 1
operation: create
source: {sheet: Desk, dates: dmy}
properties:
  subject: Subject
  hs_pipeline: {value: "0"}
  hs_pipeline_stage: {value: New}
  hs_ticket_priority: Priority
  data_vencimento: Due
"""

passed = failed = 0


def is_mark(cell):
    """Says whether a cell has the colour of a mark: a shade of light red or yellow that Excel's own styles do not have."""
    color = cell.fill.fgColor.rgb if cell.fill.fill_type == "solid" else None
    if not isinstance(color, str):
        return False
    near = [[int(base[i:i + 2], 16) - int(color[i + 2:i + 4], 16) for i in (0, 2, 4)] for base in ("FFC7CE", "FFEB9C")]
    return any(all(0 <= d < 8 for d in ds) and any(ds) for ds in near)


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what} {detail}")


def build(path):
    """Writes a workbook with much of what people put into theirs."""
    book = openpyxl.Workbook()
    desk = book.active
    desk.title = "Desk"
    strong = NamedStyle("Strong", font=Font(bold=True, color="FF1F4E78"), border=Border(bottom=Side("double")))
    book.add_named_style(strong)
    desk.append(["Subject", "Priority", "Due", "Cost", "Double", "Link"])
    for cell in desk[1]:
        cell.style = "Strong"
    for row in range(2, 60):
        priority = "hihg" if row % 7 == 0 else "Low"
        due = "31/02/2026" if row % 11 == 0 else datetime.date(2026, 3, 1 + row % 28)
        desk.append([f"  Ticket {row} <&> ção 😀", None if row == 5 else priority, due, row * 1.5, f"=D{row}*2", None])
        desk.cell(row, 3).number_format = "dd/mm/yyyy"
        desk.cell(row, 4).number_format = '"R$" #,##0.00'
        if row % 2:
            desk.cell(row, 2).fill = PatternFill("solid", fgColor="FFDDEBF7")
        desk.cell(row, 2).alignment = Alignment(horizontal="center", textRotation=15)
    desk.cell(13, 1).value = None  # a subject that is not there
    desk.cell(14, 2).comment = Comment("a note of the user's", "Ana")
    desk.cell(9, 1).comment = Comment("another one", "Ana")
    desk.cell(2, 6).hyperlink = "https://example.com/?a=1&b=2"
    desk.column_dimensions["A"].width = 44
    desk.row_dimensions[3].height = 31
    desk.row_dimensions[20].hidden = True
    desk.merge_cells("F30:G31")
    desk.freeze_panes = "B2"
    desk.auto_filter.ref = "A1:F59"
    rule = DataValidation(type="list", formula1='"Low,High"')
    rule.add("B2:B59")
    desk.add_data_validation(rule)
    desk.conditional_formatting.add("D2:D59", CellIsRule(operator="greaterThan", formula=["60"], font=Font(color="FF9C0006")))
    desk.conditional_formatting.add("D2:D59", ColorScaleRule(start_type="min", start_color="FFFFFF", end_type="max", end_color="63BE7B"))
    chart = BarChart()
    chart.add_data(Reference(desk, min_col=4, min_row=1, max_row=10), titles_from_data=True)
    desk.add_chart(chart, "H2")
    other = book.create_sheet("Problems")
    other.append(["Name", "Value"])
    other.append(["sum", "=SUM(Desk!D2:D59)"])
    other.add_table(Table(displayName="Facts", ref="A1:B2"))
    hidden = book.create_sheet("Hidden")
    hidden["A1"] = 1
    hidden.sheet_state = "hidden"
    costs = DefinedName("Costs", attr_text="Desk!$D$2:$D$59")
    if hasattr(book.defined_names, "append"):  # openpyxl before 3.1
        book.defined_names.append(costs)
    else:
        book.defined_names["Costs"] = costs
    book.save(path)


def mark(program, folder, mapping, book):
    """Returns the marked copy, and the bad cells."""
    runs = folder / ("runs-" + book.name)
    done = subprocess.run([program, "validate", "--sandbox", "-m", mapping, "--runs", runs, "--progress", "none", book],
                          capture_output=True, text=True)
    check(f"{book.name}: exit status 3", done.returncode == 3, done.stderr)
    marked = list(runs.glob("*/*.marked.xlsx"))
    check(f"{book.name}: one marked workbook", len(marked) == 1, done.stdout)
    return marked[0]


def defined_names(book):
    names = book.defined_names
    names = names.definedName if hasattr(names, "definedName") else names.values()
    return sorted((n.name, n.attr_text, n.localSheetId) for n in names if n.name != NAME)


def links(sheet):
    return [c.hyperlink for row in sheet.iter_rows() for c in row if c.hyperlink]


def style(cell):
    return repr((cell.font, cell.border, cell.number_format, cell.alignment, cell.protection, cell.style))


def compare(name, was, now):
    check(f"{name}: the sheets", now.sheetnames[:-1] == was.sheetnames and now.sheetnames[-1].startswith("Problems"), now.sheetnames)
    marked = 0
    for sheet in was.sheetnames:
        a, b = was[sheet], now[sheet]
        for row in range(1, max(a.max_row, b.max_row) + 1):
            for column in range(1, max(a.max_column, b.max_column) + 1):
                x, y = a.cell(row, column), b.cell(row, column)
                at = f"{name}: {sheet}!{x.coordinate}"
                if is_mark(y):
                    marked += 1
                    check(at + " has a comment", y.comment is not None)
                else:
                    check(at + " fill", repr(x.fill) == repr(y.fill))
                    check(at + " comment", (x.comment and x.comment.text) == (y.comment and y.comment.text))
                check(at + " value", x.value == y.value and x.data_type == y.data_type, f"{x.value!r} {y.value!r}")
                check(at + " style", style(x) == style(y))
        check(f"{name}: {sheet} merged cells", a.merged_cells.ranges == b.merged_cells.ranges)
        check(f"{name}: {sheet} widths", {k: v.width for k, v in a.column_dimensions.items()} == {k: v.width for k, v in b.column_dimensions.items()})
        check(f"{name}: {sheet} heights", {k: (v.height, v.hidden) for k, v in a.row_dimensions.items()} == {k: (v.height, v.hidden) for k, v in b.row_dimensions.items()})
        check(f"{name}: {sheet} state", (a.sheet_state, a.freeze_panes, a.auto_filter.ref) == (b.sheet_state, b.freeze_panes, b.auto_filter.ref))
        check(f"{name}: {sheet} validations", repr(a.data_validations) == repr(b.data_validations))
        check(f"{name}: {sheet} conditional formats", repr([(k.sqref, v) for k, v in a.conditional_formatting._cf_rules.items()])
              == repr([(k.sqref, v) for k, v in b.conditional_formatting._cf_rules.items()]))
        check(f"{name}: {sheet} links", [h.target for h in links(a)] == [h.target for h in links(b)])
        check(f"{name}: {sheet} charts and tables", (len(a._charts), list(a.tables)) == (len(b._charts), list(b.tables)))
    check(f"{name}: defined names", defined_names(was) == defined_names(now))
    problems = now[now.sheetnames[-1]]
    check(f"{name}: some cells are marked", marked > 0)
    check(f"{name}: a link for each problem", len(links(problems)) == problems.max_row - 1)
    for link in links(problems):
        sheet, _, ref = link.location.rpartition("!")
        cell = now[sheet.strip("'").replace("''", "'")][ref]
        check(f"{name}: {link.location} is marked", is_mark(cell))


def marks(book):
    return {f"{s.title}!{c.coordinate}" for s in book.worksheets[:-1] for row in s.iter_rows() for c in row if is_mark(c)}


def notes(book):
    return {f"{s.title}!{c.coordinate}" for s in book.worksheets[:-1] for row in s.iter_rows() for c in row if c.comment}


def resave(folder, book):
    """Returns the workbook as LibreOffice writes it."""
    out = pathlib.Path(tempfile.mkdtemp(dir=folder))
    subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/office", "--convert-to", "xlsx", "--outdir", out, book],
                   check=True, capture_output=True)
    return out / book.name


def mend(program, folder, marked, mapping, original):
    """Mends one cell of a marked copy, saves it with openpyxl and with LibreOffice, and checks both again."""
    was = openpyxl.load_workbook(original)
    book = openpyxl.load_workbook(marked)
    before = marks(book)
    book["Desk"]["B7"].value = "Low"
    by_openpyxl = folder / "mended.xlsx"
    book.save(by_openpyxl)
    for name, path in [("openpyxl", by_openpyxl), ("LibreOffice", resave(folder, by_openpyxl))]:
        path = path.rename(folder / f"by-{name}.xlsx") if name == "LibreOffice" else path
        again = openpyxl.load_workbook(mark(program, folder, mapping, path))
        check(f"saved by {name}: the marks are those that are left", marks(again) == before - {"Desk!B7"}, marks(again) ^ before)
        check(f"saved by {name}: the comments", notes(again) == notes(was) | marks(again), notes(again) ^ (notes(was) | marks(again)))
        check(f"saved by {name}: no further sheet", again.sheetnames == book.sheetnames, again.sheetnames)
        for row in was["Desk"].iter_rows(max_row=59, max_col=6):
            for cell in row:
                now = again["Desk"][cell.coordinate]
                if not is_mark(now):
                    check(f"saved by {name}: {cell.coordinate} fill", (cell.fill.fill_type, cell.fill.fgColor.rgb[2:]) == (now.fill.fill_type, now.fill.fgColor.rgb[2:]), now.fill)


def convert(folder, book):
    """Returns what LibreOffice makes of each sheet, by its name."""
    out = pathlib.Path(tempfile.mkdtemp(dir=folder))
    subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/office", "--convert-to", CSV, "--outdir", out, book],
                   check=True, capture_output=True)
    return {p.stem.removeprefix(book.stem + "-"): p.read_bytes() for p in out.glob("*.csv")}


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "desk.yaml").write_text(MAPPING)
        build(folder / "desk.xlsx")
        for book, mapping in [(folder / "desk.xlsx", folder / "desk.yaml"), (ROOT / "samples/erros.xlsx", ROOT / "mappings/chamados.yaml")]:
            marked = mark(program, folder, mapping, book)
            compare(book.name, openpyxl.load_workbook(book), openpyxl.load_workbook(marked))
            before, after = convert(folder, book), convert(folder, marked)
            for sheet, text in before.items():
                check(f"{book.name}: LibreOffice's {sheet}", after.get(sheet) == text)
            check(f"{book.name}: LibreOffice opens all sheets", len(after) == len(before) + 1, list(after))
            if book.name == "desk.xlsx":
                mend(program, folder, marked, mapping, book)
        marked = mark(program, folder, ROOT / "mappings/chamados.yaml", ROOT / "samples/erros.csv")
        check("erros.csv: LibreOffice opens it", set(convert(folder, marked)) == {"erros", "Problems"})
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
