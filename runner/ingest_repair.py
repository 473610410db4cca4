"""The slow road: read a delimited text record by record, find what is wrong, mend what can be mended.

Runs in the sandbox, in the ingest worker.  Every record of the file comes out as a row or is named
in a fault; what was changed is counted with line numbers.  Slow but exact: Python's csv module.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from .ingest_dialect import PREFERRED, Dialect, records
from .ingest_faults import LINES_SHOWN, IngestFault, line_list, shown
from .ingest_text import LINE_CAP, TextSource

_KEPT_LINES: Final = 2000
MESSAGES: Final = {
    "short_rows": "{count} have fewer values than there are columns; the missing ones are NULL: {lines}.",
    "trailing_delimiters": "{count} end in surplus delimiters with nothing after them; these were dropped: {lines}.",
    "blank_lines": "{count} without any value were left out: {lines}.",
    "blank_values": "{count} without a value were read as NULL: {lines}.",
    "preamble": "{count} before the header were left out: {lines}.",
    "blanks": "Blanks after delimiters are not part of the values, because quoted values follow them: {lines} and on.",
}


@dataclass(slots=True)
class Tally:
    """How often each thing happened, and on which lines first."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, kind: str, line: int, count: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + count
        known = self.lines.setdefault(kind, [])
        if len(known) < LINES_SHOWN:
            known.append(line)

    def repairs(self) -> list[dict[str, Any]]:
        return [repair(kind, count, self.lines[kind]) for kind, count in self.counts.items() if kind in MESSAGES]


def repair(kind: str, count: int, lines: Iterable[int]) -> dict[str, Any]:
    first = list(lines)[:LINES_SHOWN]
    unit = "line" if kind in ("preamble", "blank_lines", "blank_values") else "row"
    counted = f"{count:,} {unit}{'s' if count != 1 else ''}"
    message = MESSAGES[kind].format(count=counted, lines=line_list(first, count))
    if count == 1:
        message = message.replace(" have ", " has ").replace(" end ", " ends ").replace(" were ", " was ")
    return {"kind": kind, "count": count, "lines": first, "message": message}


class _Lines:
    """Counts characters and keeps the lines of the record being read, for diagnosis."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.kept: list[str] = []
        self.size = 0
        self.start = 1
        self.ended = False
        self._number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.size += len(line)
            self._number += 1
            if self.size > LINE_CAP:
                raise _TooLong
            if len(self.kept) < _KEPT_LINES:
                self.kept.append(line)
            yield line
        self.ended = True

    def next_record(self) -> None:
        self.kept.clear()
        self.size = 0
        self.start = self._number + 1


class _TooLong(Exception):
    pass


def rows(source: TextSource, dialect: Dialect, width: int, tally: Tally) -> Iterator[tuple[int, list[str | None]]]:
    """Each record as (line number, ``width`` cells), mended.  ``""`` is ``None``.

    Raises ``IngestFault``: csv_quotes, csv_line_too_long, at once; csv_ragged at the end, when all
    bad lines are known.
    """
    ragged: list[tuple[int, int]] = []
    ragged_count = 0
    other: dict[str, list[int]] = {}
    pending: list[int] = []
    for line, fields in _records(source, dialect):
        count = len(fields)
        if pending and count:
            for blank in pending:
                tally.add("blank_values", blank)
                yield blank, [None]
            pending.clear()
        if count == width:
            yield line, [cell or None for cell in fields]
        elif count == 0 or (count == 1 and not fields[0].strip()):
            if width == 1:
                pending.append(line)
            else:
                tally.add("blank_lines", line)
        elif count < width:
            for delimiter in PREFERRED:
                if delimiter != dialect.delimiter and _splits(fields, dialect.delimiter, delimiter, width):
                    other.setdefault(delimiter, []).append(line)
            tally.add("short_rows", line)
            yield line, [cell or None for cell in fields] + [None] * (width - count)
        elif not any(cell.strip() for cell in fields[width:]):
            tally.add("trailing_delimiters", line)
            yield line, [cell or None for cell in fields[:width]]
        else:
            ragged_count += 1
            if len(ragged) < LINES_SHOWN:
                ragged.append((line, count))
    for blank in pending:  # blank lines at the end of a file of one column
        tally.add("blank_lines", blank)
    for delimiter, lines in other.items():
        if width > 2 or len(lines) > 1:
            raise _changed_delimiter(dialect.delimiter, delimiter, lines, width)
    if ragged_count:
        raise _ragged(ragged, ragged_count, width)


def _records(source: TextSource, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    text = source.lines()
    lines = _Lines(text)
    reader = records(lines, dialect)
    try:
        while True:
            lines.next_record()
            record = next(reader, None)
            if record is None:
                return
            yield lines.start + dialect.skip, record[1]
    except csv.Error as error:
        raise _bad_quotes(lines, dialect, lines.start + dialect.skip) from error
    except _TooLong:
        raise _too_long(lines, dialect, lines.start + dialect.skip) from None
    finally:
        text.close()


def batches(
    source: TextSource, dialect: Dialect, width: int, header: bool, schema: pa.Schema, limit: int
) -> Iterator[pa.RecordBatch]:
    """All rows as batches of texts.  Memory held is about one batch of ``limit`` cells."""
    found = rows(source, dialect, width, Tally())
    if header:
        next(found, None)
    size = max(64, min(16_384, limit // width))
    while block := list(islice(found, size)):
        columns = zip(*(cells for _, cells in block), strict=True)
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


# --- faults ---------------------------------------------------------------------------------------


def _splits(fields: list[str], delimiter: str, other: str, width: int) -> bool:
    return delimiter.join(fields).count(other) == width - 1


def _name(delimiter: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}.get(delimiter, shown(delimiter))


def _changed_delimiter(old: str, new: str, lines: list[int], width: int) -> IngestFault:
    return IngestFault(
        "csv_ragged",
        f"The delimiter changes from {_name(old)} to {_name(new)} at line {lines[0]}: {line_list(lines, len(lines))} "
        f"would have {width} values with {_name(new)}.",
        "Make the file use one delimiter, or split it there and add the parts as two data sets.",
        lines=lines[:LINES_SHOWN],
        count=len(lines),
        expected=width,
    )


def _ragged(ragged: list[tuple[int, int]], count: int, width: int) -> IngestFault:
    cases = ", ".join(f"line {line} has {values}" for line, values in ragged[:5])
    more = f", and {count - 5:,} more" if count > 5 else ""
    rows_ = f"{count:,} rows have" if count > 1 else "1 row has"
    return IngestFault(
        "csv_ragged",
        f"{rows_} more values than the {width} column{'s' if width > 1 else ''} of the table: {cases}{more}.",
        "Put values that contain the delimiter in quotes, or remove lines that are not part of the table. "
        "If the delimiter itself is wrong, give it with the option delimiter.",
        lines=[line for line, _ in ragged],
        actual=[values for _, values in ragged],
        count=count,
        expected=width,
    )


def _bad_quotes(lines: _Lines, dialect: Dialect, start: int) -> IngestFault:
    offset, last = _opening(lines.kept, dialect)
    opened = start + offset
    text = shown(lines.kept[offset].rstrip("\r\n") if offset < len(lines.kept) else "", 80)
    if lines.ended and last:
        what = f"A quoted value opened at line {opened} is never closed: {text}."
    else:
        at = start + len(lines.kept) - 1
        what = f"Line {at} has text after a closing quote; the quoted value was opened at line {opened}: {text}."
    return IngestFault(
        "csv_quotes",
        what,
        "Correct that line (a quote inside a quoted value is written twice), or set the option quote to an "
        "empty text when quotes are ordinary characters in this file.",
        lines=[opened],
    )


def _too_long(lines: _Lines, dialect: Dialect, start: int) -> IngestFault:
    if len(lines.kept) > 1:
        offset, _ = _opening(lines.kept, dialect)
        return IngestFault(
            "csv_quotes",
            f"A quoted value opened at line {start + offset} does not end within {LINE_CAP >> 20} MiB.",
            "Most likely its closing quote is missing: correct that line.",
            lines=[start + offset],
        )
    return too_long(start)


def too_long(line: int) -> IngestFault:
    return IngestFault(
        "csv_line_too_long",
        f"Line {line} is longer than {LINE_CAP >> 20} MiB.",
        "Check that this is a table with line ends, and that no quote is left open.",
        lines=[line],
        limit=LINE_CAP,
    )


def _opening(kept: list[str], dialect: Dialect) -> tuple[int, bool]:
    """Which of the lines opens the last quoted value, and whether that value is still open."""
    opened, inside, at_start = 0, False, True
    for place, line in enumerate(kept):
        index = 0
        while index < len(line):
            c = line[index]
            if inside and c == dialect.escape == "\\":
                index += 1
            elif c == dialect.quote and inside:
                if line[index + 1 : index + 2] == c and dialect.escape != "\\":
                    index += 1
                else:
                    inside = False
            elif c == dialect.quote and at_start and not inside:
                inside, opened = True, place
            at_start = not inside and (
                c in (dialect.delimiter, "\n", "\r") or (dialect.blanks and c == " " and at_start)
            )
            index += 1
    return opened, inside
