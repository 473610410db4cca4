"""A table as an Excel workbook, written by XlsxWriter: text as text, never a formula and never a link.

Runs on the host; imports XlsxWriter, which is optional, when a workbook is wanted.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..errors import UsageError
from .text import width
from .values import plain, rows

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS: Final = 1_048_575
"""Below the line of names.  https://support.microsoft.com: Excel specifications and limits."""
MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767
_DIGITS: Final = 15
"""Excel keeps so many; whole numbers (often identifiers) and decimals with more are written as text."""
_WIDEST: Final = 60
_FORMATS: Final = {
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "date": "yyyy-mm-dd",
    "time": "hh:mm:ss",
}
_OPTIONS: Final = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


class TooLarge(Exception):
    """An Excel file cannot hold it; the text says what."""


def library() -> Any:
    """XlsxWriter.  Raises ``UsageError`` (``no_xlsxwriter``)."""
    try:
        import xlsxwriter
    except ImportError:
        raise UsageError(
            "no_xlsxwriter", "Excel files need XlsxWriter, which is not installed here.", "Run: pip install XlsxWriter"
        ) from None
    return xlsxwriter


def of(table: pa.Table, text: Callable[[str], str]) -> bytes:
    """The workbook: one sheet, names in a line that stays in view.  ``text`` gives what is written for a text.

    Raises ``TooLarge`` rather than leave anything out.
    """
    if table.num_rows > MAX_ROWS or table.num_columns > MAX_COLUMNS:
        size = f"{table.num_rows:,} rows and {table.num_columns:,} columns"
        raise TooLarge(f"An Excel sheet holds {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns; the result has {size}.")
    sink = io.BytesIO()
    with library().Workbook(sink, {**_OPTIONS, "constant_memory": True}) as book:
        sheet = book.add_worksheet("result")
        formats = {name: book.add_format({"num_format": form}) for name, form in _FORMATS.items()}
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for column, (name, wide) in enumerate(zip(table.column_names, _widths(table), strict=True)):
            sheet.set_column(column, column, wide)
            sheet.write_string(0, column, _fitting(text(name), column, 0), bold)
        for number, row in enumerate(rows(table), 1):
            for column, value in enumerate(row):
                _put(sheet, number, column, value, text, formats)
    return sink.getvalue()


def _put(sheet: Any, row: int, column: int, value: Any, text: Callable[[str], str], formats: dict[str, Any]) -> None:
    simple = plain(value)
    if simple is None:  # also NaN and the infinities, which Excel lacks
        return
    kind = type(value).__name__
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | decimal.Decimal) and _exact(value):
        sheet.write_number(row, column, float(value))
    elif kind in formats and _dated(value):
        sheet.write_datetime(row, column, value, formats[kind])
    else:
        exact = str(value) if isinstance(value, decimal.Decimal) else simple
        written = exact if isinstance(exact, str) else json.dumps(exact, ensure_ascii=False)
        sheet.write_string(row, column, _fitting(text(written), column, row))


def _exact(value: float | decimal.Decimal) -> bool:
    """Whether Excel shows the same number; a float is what it is."""
    if isinstance(value, decimal.Decimal):
        return value.is_finite() and len(value.normalize().as_tuple().digits) <= _DIGITS
    return not isinstance(value, int) or abs(value) < 10**_DIGITS


def _dated(value: dt.date | dt.time) -> bool:
    """Whether Excel can hold it: no time zone, and from 1900 on."""
    return getattr(value, "tzinfo", None) is None and (isinstance(value, dt.time) or value.year >= 1900)


def _fitting(text: str, column: int, row: int) -> str:
    if len(text.encode("utf-16-le", "replace")) // 2 > MAX_TEXT:
        where = f"row {row:,}" if row else "the name"
        raise TooLarge(f"An Excel cell holds {MAX_TEXT:,} characters; {where} of column {column + 1:,} has more.")
    return text


def _widths(table: pa.Table) -> list[int]:
    """Columns in characters, after the names and the first rows."""
    head = [list(table.column_names), *([str(plain(value)) for value in row] for row in rows(table, 50))]
    wide = [max(width(line[i][:_WIDEST]) for line in head) for i in range(table.num_columns)]
    return [min(_WIDEST, max(6, math.ceil(n * 1.1) + 1)) for n in wide]
