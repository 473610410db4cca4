"""How a delimited text is to be read: delimiter, quote, escape, lines before the header.

Runs in the sandbox, in the ingest worker.  Decisions are made from a sample by counting fields of
properly parsed records, never by the engine's own guess, and are the same every time.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from .ingest_faults import IngestFault, shown
from .ingest_text import LINE_CAP

PREFERRED: Final = ("\t", ";", "|", ",")
"""In the order in which a tie is decided: the rarer a character is in prose, the earlier."""
UNUSUAL: Final = ("^", "~", "\x01", "\x1f", "¦", "§", ":")
NOWHERE: Final = ("\x1f", "\x1e", "\x1d", "\x1c", "\x02", "\x03", "\x04", "\t")
"""Stand-ins for the delimiter of a table of one column."""
_NAMED: Final = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_SAMPLE_RECORDS: Final = 400
_PREAMBLE_LINES: Final = 50
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*')
_BACKSLASHED: Final = re.compile(r'\\(["\\])')
_MARKS: Final = {'"': "\ufdd0", "\\": "\ufdd1"}  # noncharacters: no text may use them


@dataclass(frozen=True, slots=True)
class Dialect:
    """``quote`` is empty when quotes mean nothing; ``escape`` is the quote itself (doubled) or a
    backslash; ``blanks`` says that blanks after a delimiter are dropped; ``skip`` counts the lines
    before the header (or the first row)."""

    delimiter: str
    quote: str = '"'
    escape: str = '"'
    blanks: bool = False
    skip: int = 0
    preamble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records: line number and fields, blank lines left out.  ``width`` is the number of
    fields that most records have."""

    records: tuple[tuple[int, tuple[str, ...]], ...]
    width: int


def records(lines: Iterable[str], dialect: Dialect, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line it starts on.  Raises ``csv.Error`` for bad quoting."""
    csv.field_size_limit(2 * LINE_CAP)  # a process-wide setting of the csv module
    backslash = dialect.escape == "\\"
    reader = csv.reader(
        (_BACKSLASHED.sub(lambda m: _MARKS[m[1]], line) for line in lines) if backslash else lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.blanks,
        strict=strict,
    )
    line = 1
    for fields in reader:
        if backslash:
            fields = [field.replace("\ufdd0", '"').replace("\ufdd1", "\\") for field in fields]
        yield line, fields
        line = reader.line_num + 1


def decide(text: str, complete: bool, options: Mapping[str, Any], *, tsv: bool = False) -> tuple[Dialect, Sample]:
    """The dialect of a file that starts with ``text``.  Raises ``IngestFault`` for a bad option."""
    delimiter, quote = _option(options, "delimiter"), _option(options, "quote")
    stated = _SEP_LINE.fullmatch(io.StringIO(text, newline="").readline())
    if stated and delimiter is None:
        return _finish(text, complete, Dialect(stated[1], '"' if quote is None else quote), quote, sep_line=True)
    if delimiter is None:
        delimiter = _delimiter(text, complete, quote, tsv)
    if delimiter and quote and delimiter == quote:
        raise IngestFault("data_unreadable", "Delimiter and quote cannot be the same character.", "Choose others.")
    chosen = Dialect(delimiter or ",", '"' if quote is None else quote)
    return _finish(text, complete, chosen, quote)


def _option(options: Mapping[str, Any], key: str) -> str | None:
    value = options.get(key)
    if value is None or (key == "delimiter" and value == ""):
        return None
    value = _NAMED.get(str(value).lower(), str(value))
    if len(value) > 1 or value in ("\n", "\r", "\0"):
        raise IngestFault(
            "data_unreadable",
            f"The option {key} cannot be {shown(value)}.",
            "It takes one character, such as ; or tab.",
        )
    return value


def _delimiter(text: str, complete: bool, quote: str | None, tsv: bool) -> str:
    """The best candidate, or a character that never occurs (one column)."""
    mark = '"' if quote is None else quote
    best: tuple[tuple[Any, ...], str] | None = None
    for place, candidate in enumerate((*PREFERRED, *UNUSUAL)):
        if candidate not in text or candidate == mark:
            continue
        rows = _parse(text, complete, Dialect(candidate, mark))
        widths = [len(fields) for _, fields in rows]
        wide = Counter(width for width in widths if width > 1)
        if not wide:
            continue
        width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
        share, agrees = count / len(widths), widths[0] == width
        if widths[0] == 1 and not _titled(rows, candidate, width, share):
            continue
        if candidate in UNUSUAL and not (
            agrees and share == 1.0 and len(widths) > 1 and (candidate != ":" or width > 2)
        ):
            continue
        usual = candidate not in UNUSUAL
        key = (usual, tsv and candidate == "\t", agrees, round(share, 2), -place)
        if best is None or key > best[0]:
            best = (key, candidate)
    if best:
        return best[1]
    return "\t" if tsv else next((character for character in NOWHERE if character not in text), NOWHERE[0])


def _titled(rows: list[tuple[int, list[str]]], delimiter: str, width: int, share: float) -> bool:
    """Whether records of one field at the top are lines before a table, and not a table of one
    column whose texts happen to hold the delimiter."""
    if rows[0][1][0].lstrip().startswith("#"):
        return True
    body = next((place for place, (_, fields) in enumerate(rows) if len(fields) > 1), 0)
    gap = any(after[0] - before[0] > 1 for before, after in pairwise(rows[: body + 1]))
    if delimiter == "," and not gap:
        prose = all(field.startswith(" ") for _, fields in rows if len(fields) > 1 for field in fields[1:])
        return width > 2 and share >= 0.7 and not prose
    return share >= 0.5


def _finish(
    text: str, complete: bool, dialect: Dialect, quote: str | None, *, sep_line: bool = False
) -> tuple[Dialect, Sample]:
    """Settle quote, escape, blanks and the lines before the header."""
    if quote is None and _single_quoted(text, complete, dialect):
        dialect = replace(dialect, quote="'", escape="'")
    if dialect.quote == '"' and '\\"' in text and not _parses(text, complete, dialect):
        escaped = replace(dialect, escape="\\")
        if _parses(text, complete, escaped):
            dialect = escaped
    rows = _parse(text, complete, dialect)
    opener = dialect.quote
    if opener and any(f.startswith(" ") and f.lstrip(" ").startswith(opener) for _, row in rows for f in row):
        dialect = replace(dialect, blanks=True)
        rows = _parse(text, complete, dialect)
    widths = Counter(len(fields) for _, fields in rows)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0] if widths else 0
    start = 1 if sep_line else _header_at(rows, width)
    if start >= len(rows):
        start = 0
    line = rows[start][0] if rows else 1
    preamble = tuple(dialect.delimiter.join(fields) for _, fields in rows[:start])
    kept = tuple((number, tuple(fields)) for number, fields in rows[start:])
    return replace(dialect, skip=line - 1, preamble=preamble), Sample(kept, width)


def _header_at(rows: list[tuple[int, list[str]]], width: int) -> int:
    """The place of the first record of the table: after titles (one field) and comments (#)."""
    for place, (_, fields) in enumerate(rows[:_PREAMBLE_LINES]):
        comment = fields[0].lstrip().startswith("#") and len(fields) != width
        title = len(fields) == 1 and width > 1
        if not comment and not title:
            return place if len(fields) == width else 0
    return 0


def _parse(text: str, complete: bool, dialect: Dialect) -> list[tuple[int, list[str]]]:
    """The first records that are not blank; the last one is left out where it may be cut."""
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in records(io.StringIO(text, newline=""), dialect, strict=False):
            rows.append(row)
            if len(rows) > _SAMPLE_RECORDS:
                complete = False
                break
    except csv.Error:
        complete = True
    if not complete and len(rows) > 1:
        rows.pop()
    return [(line, fields) for line, fields in rows if fields and (len(fields) > 1 or fields[0].strip())]


def _parses(text: str, complete: bool, dialect: Dialect) -> bool:
    rows = 0
    try:
        for _ in records(io.StringIO(text, newline=""), dialect):
            rows += 1
    except csv.Error:
        return rows > _SAMPLE_RECORDS and not complete
    return True


def _single_quoted(text: str, complete: bool, dialect: Dialect) -> bool:
    """Whether ``'`` quotes values: no double quote anywhere, and each value that starts with one
    ends with one."""
    if '"' in text or "'" not in text or dialect.delimiter == "'":
        return False
    edge = f"(?:^|{re.escape(dialect.delimiter)})"
    starts = len(re.findall(edge + "'", text, re.MULTILINE))
    pairs = len(
        re.findall(f"{edge}'(?:[^'\r\n]|'')*'(?={re.escape(dialect.delimiter)}|[\r\n]|\\Z)", text, re.MULTILINE)
    )
    return starts >= 2 and pairs >= 0.8 * starts and _parses(text, complete, replace(dialect, quote="'", escape="'"))
