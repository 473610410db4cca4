"""A result as a file: formulas are text again, numbers stay numbers, nothing is lost without a word."""

import csv
import datetime as dt
import io
import re
import sys
import zipfile
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.errors import DataError, StorageError, UsageError
from csvanalyst_ext.rendering import export, workbook
from tests.support.doors import answer
from tests.support.fakes import table_outcome
from tests.support.hostile_text import HOSTILE

FORMULAS = [
    "=1+1", "+1", "-1", "-cmd", "@SUM(A1)", "\tx", "\rx", "\nx", "\0x", "＝1", "＋1", "－1", "＠SUM", "﹦1", " =1",
    "\ufeff=1", "\u200b=1", "\t=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.example")',
]  # fmt: skip
LATER = ["a;=1", "a\n=1", "a\r=1", "a\t@SUM(A1)", ";=1", "a;;+1", "x\r\n-2+3"]
HARMLESS = ["a", "1", "a-b", "a=b", "x;y", "", "'=1", "http://a.example/?b=c", "2013-01-31", "日本"]


def written(table, path, **options):
    export.write(table, path, **options)
    return path.read_bytes()


def csv_rows(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def sheet(data):
    return openpyxl.load_workbook(io.BytesIO(data)).active


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS, ids=repr)
def test_a_text_that_starts_like_a_formula_gets_an_apostrophe(text):
    assert export.harmless(text).startswith("'")
    assert export.harmless(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", LATER, ids=repr)
def test_so_does_what_follows_a_character_at_which_a_spreadsheet_may_split(text):
    shown = export.harmless(text)
    assert shown.replace("'", "") == text
    cells = re.split(r"[;\t\r\n]", shown)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize("text", HARMLESS, ids=repr)
def test_other_text_stays_as_it_is(text):
    assert export.harmless(text) == text


@given(st.text(alphabet="=+-@＝﹢;,\t\r\n \0'\"\ufeffab1"))
def test_no_cell_starts_a_formula_however_the_file_is_split(text):
    data = export._csv(pa.table({"c": [text, "x"]}), export.harmless).decode()
    cells = csv_rows(data.encode())[1:]
    assert len(cells) == 2
    for piece in re.split(r"[;\t\r\n]", data.replace('"', "")):
        assert not piece.strip("\r \0\ufeff").startswith(("=", "+", "-", "@", "＝", "﹢"))


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_names_and_cells_are_neutralised_and_the_answer_is_unchanged(suffix, tmp_path):
    table = pa.table({"=1+1": ["@SUM(A1)"]})
    given_ = answer(table_outcome(table))
    path = given_.export(tmp_path / f"out{suffix}")
    rows = csv_rows(path.read_bytes()) if suffix == ".csv" else [list(r) for r in sheet(path.read_bytes()).values]
    assert rows == [["'=1+1"], ["'@SUM(A1)"]]
    assert given_.arrow().to_pydict() == {"=1+1": ["@SUM(A1)"]}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_person_can_choose_to_keep_the_text(suffix, tmp_path):
    path = answer(table_outcome(pa.table({"=a": ["=1+1"]}))).export(tmp_path / f"out{suffix}", keep_formulas=True)
    if suffix == ".csv":
        assert path.read_text() == "=a\n=1+1\n"
    else:
        assert b"<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml"), "it is text all the same"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_negative_number_stays_a_number(suffix, tmp_path):
    table = pa.table({"i": [-1], "f": [-1.5], "d": pa.array([Decimal("-2.50")], pa.decimal128(5, 2))})
    data = written(table, tmp_path / f"out{suffix}")
    if suffix == ".csv":
        assert data == b"i,f,d\n-1,-1.5,-2.5\n"
    else:
        assert list(sheet(data).values)[1] == (-1, -1.5, -2.5)


# --- CSV ------------------------------------------------------------------------------------------


def test_csv_holds_plain_values(tmp_path):
    data = written(pa.table({"n": [-1, None], "b": [True, False], "l": [[1], [2]]}), tmp_path / "out.csv")
    assert data == b"n,b,l\n-1,true,[1]\n,false,[2]\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_every_text_stays_in_its_cell(name, tmp_path):
    text = HOSTILE[name].encode("utf-8", "replace").decode()
    rows = csv_rows(written(pa.table({"a": [text], "b": ["x"]}), tmp_path / "out.csv"))
    assert rows == [["a", "b"], [export.harmless(text), "x"]]


# --- Excel ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("keep", [False, True])
def test_a_workbook_holds_text_and_neither_formula_nor_link(name, keep, tmp_path):
    text = HOSTILE[name].encode("utf-8", "replace").decode()
    data = written(pa.table({text: [text]}), tmp_path / "out.xlsx", keep_formulas=keep)
    cells = [cell for row in sheet(data).iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
        relations = [part for part in parts.namelist() if part.endswith(".rels")]
        assert not any(b"External" in parts.read(part) for part in relations)
        assert not any("externalLink" in part or "vba" in part.lower() for part in parts.namelist())


def test_dates_are_dates_and_what_excel_cannot_hold_is_text(tmp_path):
    moment, zone = dt.datetime(2013, 1, 31, 5, 30), dt.UTC
    table = pa.table(
        {
            "moment": [moment],
            "day": [dt.date(2013, 1, 31)],
            "old": [dt.date(1812, 6, 24)],
            "zoned": pa.array([moment.replace(tzinfo=zone)], pa.timestamp("us", "UTC")),
            "identifier": [2**60 + 1],
            "big": pa.array([Decimal("12345678901234567890.12")], pa.decimal128(22, 2)),
            "yes": [True],
            "none": pa.array([None], pa.int64()),
            "nan": [float("nan")],
            "list": [["=1", "a"]],
        }
    )
    (row,) = list(sheet(written(table, tmp_path / "out.xlsx")).iter_rows(min_row=2, values_only=True))
    assert row == (
        moment, dt.datetime(2013, 1, 31), "1812-06-24", "2013-01-31T05:30:00+00:00", "1152921504606846977",
        "12345678901234567890.12", True, None, None, '["=1", "a"]',
    )  # fmt: skip


def test_what_does_not_fit_into_a_sheet_is_refused_and_not_cut(tmp_path, monkeypatch):
    path = tmp_path / "out.xlsx"
    for table in (pa.table({"a": ["x" * 40_000]}), pa.table({f"c{i}": [1] for i in range(16_385)})):
        with pytest.raises(DataError) as caught:
            export.write(table, path)
        assert caught.value.code == "too_large"
    monkeypatch.setattr(workbook, "MAX_ROWS", 2)
    with pytest.raises(DataError):
        export.write(pa.table({"a": [1, 2, 3]}), path)
    assert not path.exists()


def test_without_the_library_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(UsageError) as caught:
        export.check(tmp_path / "out.xlsx")
    assert (caught.value.code, "pip install" in caught.value.hint) == ("no_xlsxwriter", True)


# --- files ----------------------------------------------------------------------------------------


def test_parquet_keeps_types_and_texts(tmp_path):
    table = pa.table({"=d": pa.array([Decimal("1.5")], pa.decimal128(5, 2)), "s": ["=1"]})
    export.write(table, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").equals(table)


def test_an_unknown_suffix_and_a_place_that_cannot_be_written_are_typed_errors(tmp_path):
    with pytest.raises(UsageError):
        export.write(pa.table({}), tmp_path / "out.ods")
    with pytest.raises(StorageError):
        export.write(pa.table({"a": [1]}), tmp_path / "nowhere" / "out.csv")


def test_an_answer_without_a_table_has_nothing_to_export(tmp_path):
    from csvanalyst_ext.execution.base import Outcome

    with pytest.raises(DataError) as caught:
        answer(Outcome("ok")).export(tmp_path / "out.csv")
    assert caught.value.code == "no_table"
