"""Whatever a CSV writer writes comes back: the same cells, the same number of rows."""

from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.ingest_nulls import NA_WORDS
from runner.ingest_scan import Scan, Scanner
from tests.unit.messy.reading import ingest

TRICKY = [
    *("", "1", "007", "1.50", "NA", "-", "true", "FALSE", "2013-01-01", "1e5", "+5", " 12", "1_0", "x,y", "a;b"),
    *('"', '""', "'", "\n", "\r", "\r\n", "\\", '\\"', "inf", "-0", "12345678901234567890", "9007199254740993"),
    *("05:00", "01/02/2013", "13/02/2013", "1,5", "1.234,5", "null", "0x1F", ".5", "5.", "infinity", "#", "sep=;"),
    *("2013-01-01 10:00", "2013-01-01T10:00:00Z", " ", "\t", "\ufeff", "\u2028", "\x1f", "\x00"),
]
CELL = st.one_of(st.sampled_from(TRICKY), st.text(st.characters(codec="utf-8"), max_size=8))
ALIKE = st.sampled_from(
    [["1", "-5", "30"], ["1.5", "2", "1e9"], ["2013-01-01", "2014-12-31"], ["31/01/2013", "1/2/2013"]]
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Up to 40 rows of up to 5 columns; many columns are of one kind but for a few cells."""
    height, columns = draw(st.integers(1, 40)), []
    for _ in range(draw(st.integers(1, 5))):
        usual = st.sampled_from(draw(ALIKE)) if draw(st.booleans()) else CELL
        cells = draw(st.lists(usual, min_size=height, max_size=height))
        if draw(st.booleans()):
            cells[draw(st.integers(0, height - 1))] = draw(CELL)
        columns.append(cells)
    return [list(row) for row in zip(*columns, strict=True)]


def written(table: list[list[str]], delimiter: str, quoting: Any, end: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow([f"col_{chr(97 + place)}" for place in range(len(table[0]))])
    writer.writerows(table)
    return out.getvalue()


def agrees(kind: str, value: Any, text: str) -> bool:
    """Whether a value is what the text said, nothing added and nothing lost."""
    bare = text.strip(" ")
    if value is None:
        return text == "" or (kind != "VARCHAR" and (bare == "" or bare in NA_WORDS))
    if kind == "VARCHAR":
        return bool(value == text)
    if kind in ("BIGINT", "DECIMAL(38,0)"):
        return str(value) == bare
    if kind == "DOUBLE":
        return bool(float(bare.replace(",", ".")) == value)
    if kind == "BOOLEAN":
        return str(value).lower() == bare.lower()
    if kind == "TIME":
        return bool(value.isoformat().startswith(bare))
    if kind == "DATE":
        return bare in (
            value.isoformat(),
            f"{value:%d/%m/%Y}",
            f"{value.day}/{value.month}/{value:%Y}",
            f"{value:%m/%d/%Y}",
        )
    stamp = value.isoformat(sep=" ")
    return bool(stamp.startswith(bare.replace("T", " ").removesuffix("Z")))


SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])
QUOTING = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def plain(table: list[list[str]], quoting: Any, end: str) -> list[list[str]]:
    """The writer leaves line ends other than its own unquoted: no reader can tell those apart."""
    if quoting != csv.QUOTE_MINIMAL or end == "\r\n":
        return table
    return [[cell.replace("\r", "").replace("\n", "") for cell in row] for row in table]


@SETTINGS
@given(tables(), DELIMITERS, QUOTING, ENDS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_written_table_comes_back_cell_by_cell(
    table: list[list[str]], delimiter: str, quoting: Any, end: str, encoding: str
) -> None:
    table = plain(table, quoting, end)
    text = written(table, delimiter, quoting, end)
    result = ingest(text.encode(encoding), delimiter=delimiter, quote='"', header=True)
    assert len(result.rows) == len(table)
    assert result.repairs == {}
    for row, texts in zip(result.rows, table, strict=True):
        for kind, value, cell in zip(result.types, row, texts, strict=True):
            assert agrees(kind, value, cell), (kind, value, cell, text)


@SETTINGS
@given(tables(), DELIMITERS)
def test_a_written_table_comes_back_without_being_told_how_it_was_written(
    table: list[list[str]], delimiter: str
) -> None:
    table = [["row", *row, "end"] for row in table]
    result = ingest(written(table, delimiter, csv.QUOTE_ALL, "\n"))
    assert result.dialect["delimiter"] == delimiter
    assert [len(row) for row in result.rows] == [len(row) for row in table]
    for row, texts in zip(result.rows, table, strict=True):
        assert all(map(agrees, result.types, row, texts)), (row, texts)


@SETTINGS
@given(st.text(st.sampled_from('a,"\n\rb'), max_size=300), st.integers(1, 50))
def test_the_scan_counts_what_a_loop_over_characters_counts(text: str, piece: int) -> None:
    scan = scanned(text.encode(), piece)
    inside, delimiters, misplaced = False, 0, 0
    for place, character in enumerate(text):
        before, after = text[place - 1] if place else "\n", text[place + 1 : place + 2] or "\n"
        if character == '"':
            misplaced += (after if inside else before) not in ',\n\r"'
            inside = not inside
        delimiters += character == "," and not inside
    assert scan.delimiters == delimiters
    assert scan.regular_quotes == (not misplaced and not inside)
    assert scan.size == len(text)


@SETTINGS
@given(tables(), st.sampled_from(["\n", "\r\n"]), st.integers(1, 50))
def test_the_scan_counts_the_records_that_a_reader_reads(table: list[list[str]], end: str, piece: int) -> None:
    text = written(table, ",", csv.QUOTE_ALL, end)
    scan = scanned(text.encode(), piece)
    assert scan.records == sum(1 for _ in csv.reader(io.StringIO(text, newline="")))
    assert scan.newlines == end
    assert scan.not_utf8_line == 0


def scanned(data: bytes, piece: int) -> Scan:
    scanner = Scanner(ord(","), ord('"'))
    for start in range(0, len(data), piece):
        scanner.feed(data[start : start + piece])
    return scanner.finish()
