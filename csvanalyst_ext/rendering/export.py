"""A result as a file for other programs.

Runs on the host.  In CSV and Excel files, text that a spreadsheet would run as a formula gets an
apostrophe in front and is text again; the values in memory stay what they are, and Parquet keeps
them.  The rule is that of OWASP ASVS 5.0, 1.2.10 (https://github.com/OWASP/ASVS), and a little more.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import DataError, StorageError, UsageError
from . import workbook
from .values import json_rows

if TYPE_CHECKING:
    import pyarrow as pa

Text = Callable[[str], str]
"""What is written for a text."""


def check(path: Path) -> None:
    """Raises ``UsageError`` when no file of this name can be written: ``bad_option`` for an unknown
    suffix, ``no_xlsxwriter`` when the library for Excel files is not installed."""
    if path.suffix.lower() not in _WRITERS:
        raise UsageError("bad_option", f"{path.name!r} cannot be written.", f"Use a name with {', '.join(_WRITERS)}.")
    if path.suffix.lower() == ".xlsx":
        workbook.library()


def write(table: pa.Table, path: Path, *, keep_formulas: bool = False) -> None:
    """Write ``table`` in the format of the suffix, over a file that is there.

    ``keep_formulas`` writes text as it is: only for data that you trust.  Raises what ``check``
    raises, ``DataError`` (``too_large``) for what an Excel file cannot hold, and ``StorageError``.
    """
    check(path)
    data = _WRITERS[path.suffix.lower()](table, _unchanged if keep_formulas else harmless)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        why = error.strerror or type(error).__name__
        raise StorageError(
            "storage_unwritable", f"{path} cannot be written: {why}.", "Choose another place."
        ) from error


# --- formulas -------------------------------------------------------------------------------------

_STARTS: Final = frozenset("=+-@")
_CELL_ENDS: Final = re.compile(r"([;\t\r\n]+)")


def harmless(text: str) -> str:
    """``text`` with an apostrophe wherever a spreadsheet would start a formula.

    That is at its start, and after a character at which some spreadsheets split a line of CSV
    (a semicolon, a tab, an end of line), whatever the quotes say.  Full-width and similar forms of ``= + - @``
    count, also behind blanks, double quotes and invisible characters; a text that starts with a control character
    gets one too.  Numbers are no texts: a negative number stays one.
    """
    pieces = _CELL_ENDS.split(text)
    shown = "".join(f"'{piece}" if _starts_formula(piece) else piece for piece in pieces)
    return f"'{shown}" if text and unicodedata.category(text[0]) == "Cc" else shown


def _starts_formula(piece: str) -> bool:
    start = next((c for c in piece if c != '"' and unicodedata.category(c)[0] not in "ZC"), "")
    return start != "" and unicodedata.normalize("NFKC", start)[0] in _STARTS


def _unchanged(text: str) -> str:
    return text


# --- formats --------------------------------------------------------------------------------------


def _csv(table: pa.Table, text: Text) -> bytes:
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow([text(name) for name in table.column_names])
    writer.writerows([_field(value, text) for value in row] for row in json_rows(table))
    return "".join(lines.written).encode("utf-8", "replace")


class _Lines:
    """Lines that end in a line feed.  The writer is told of both ends of a line, because before Python 3.13 it
    quotes only what it is told of, and a carriage return outside quotes starts a new cell (RFC 4180, 2.6)."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line.removesuffix("\r\n") + "\n")


def _field(value: Any, text: Text) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(json.dumps(value, ensure_ascii=False)) if isinstance(value, list | dict) else value


def _xlsx(table: pa.Table, text: Text) -> bytes:
    try:
        return workbook.of(table, text)
    except workbook.TooLarge as error:
        raise DataError("too_large", f"{error}", "Write .csv or .parquet, or select less.") from None


def _parquet(table: pa.Table, _: Text) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


_WRITERS: Final[Mapping[str, Callable[[Any, Text], bytes]]] = {".csv": _csv, ".xlsx": _xlsx, ".parquet": _parquet}
