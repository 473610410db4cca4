"""Cells of an Arrow table as plain JSON values, as display text, and as frames.

Runs on the host, on tables that the boundary has validated.  Imports pyarrow when a function is
called, pandas and polars only when a frame is asked for.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import decimal
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .text import cell

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_INT64 = range(-(2**63), 2**63)
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_DAY = dt.date.min.toordinal() - dt.date(1970, 1, 1).toordinal()
_LAST_DAY = dt.date.max.toordinal() - dt.date(1970, 1, 1).toordinal()
"""Python's calendar in days from 1970; its first and last day are left out, which a time zone may pass."""


# --- plain values -----------------------------------------------------------------------------


def rows(table: pa.Table, most: int | None = None) -> list[list[Any]]:
    """The first ``most`` rows as lists of Python values, in column order."""
    head = table if most is None else table.slice(0, most)
    columns = [_column(column) for column in head.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _column(column: pa.ChunkedArray) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetime has microseconds; pyarrow would otherwise bring pandas objects in.
        column = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_duration(column.type) and column.type.unit == "ns":
        column = pc.cast(column, pa.duration("us"), safe=False)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_scalar(value) for value in column]


def _scalar(value: pa.Scalar) -> Any:
    """A value that Python may lack (a date beyond the year 9999, an unknown time zone): text then."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return value.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        with contextlib.suppress(ValueError, pa.ArrowException):
            return pc.cast(value, pa.string()).as_py()
        return "(not shown)"


def plain(value: Any) -> Any:
    """``value`` as JSON can carry it.

    A decimal is an integer when it is whole and has no fraction digits, else a float; NaN and the
    infinities are ``None``, which JSON lacks; dates and times are ISO 8601 text; bytes are Base64;
    a map with text keys is an object, any other a list of pairs.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            return None
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, dt.timedelta):
        return _duration(0, value.days, value.seconds, value.microseconds * 1000)
    if isinstance(value, dt.date | dt.time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "nanoseconds"):
        months, days, nanoseconds = value
        whole, rest = divmod(abs(nanoseconds), 10**9)
        sign = -1 if nanoseconds < 0 else 1
        return _duration(months, days, sign * whole, sign * rest)
    if isinstance(value, list | tuple):
        if value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):  # an Arrow map
            if all(isinstance(key, str) for key, _ in value):
                return {plain(key): plain(item) for key, item in value}
            return [[plain(key), plain(item)] for key, item in value]
        return [plain(item) for item in value]
    return str(value)


def _duration(months: int, days: int, whole: int, nanoseconds: int) -> str:
    """ISO 8601, such as ``P1M2DT3.5S``."""
    date = "".join(f"{n}{unit}" for n, unit in ((months, "M"), (days, "D")) if n)
    if not whole and not nanoseconds:
        return f"P{date}" if date else "PT0S"
    sign = "-" if whole < 0 or nanoseconds < 0 else ""
    fraction = f".{abs(nanoseconds):09d}".rstrip("0") if nanoseconds else ""
    return f"P{date}T{sign}{abs(whole)}{fraction}S"


def json_rows(table: pa.Table) -> list[list[Any]]:
    return [[plain(value) for value in row] for row in rows(table)]


# --- display ------------------------------------------------------------------------------------


def show(value: Any) -> str:
    """One cell as text: one line, capped, nothing invisible."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, decimal.Decimal):
        return cell(f"{value:f}")
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return cell("".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in value[:256]))
    if isinstance(value, list | dict | tuple) and not hasattr(value, "nanoseconds"):
        return cell(json.dumps(plain(value), ensure_ascii=False, default=str))
    return cell(str(plain(value)))


def _float(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == 0 or 1e-3 <= abs(value) < 1e15:
        text = f"{value:.4f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    return f"{value:.6g}"


def numeric(table: pa.Table) -> list[bool]:
    """Which columns hold numbers."""
    import pyarrow.types as t

    kinds = [field.type for field in table.schema]
    return [t.is_integer(k) or t.is_floating(k) or t.is_decimal(k) for k in kinds]


# --- frames ----------------------------------------------------------------------------------------


def everyday(table: pa.Table) -> pa.Table:
    """``table`` with decimals as the numbers people compute with.

    A decimal without fraction digits (DuckDB's HUGEINT sums and counts) becomes ``int64`` when
    every value fits; any other decimal becomes ``double``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            column = table.column(index)
            bounds = pc.min_max(column).as_py() if field.type.scale == 0 else {"min": None, "max": 2**63}
            whole = all(bound is None or int(bound) in _INT64 for bound in bounds.values())
            cast = pc.cast(column, pa.int64() if whole else pa.float64(), safe=False)
            table = table.set_column(index, pa.field(field.name, cast.type), cast)
    return table


def _in_calendar(table: pa.Table, any_time: Callable[[pa.DataType], bool]) -> pa.Table:
    """``table`` with the columns as text that have a date or time outside the years 1 to 9999.

    Frames cannot show those: pandas raises, polars panics.  Columns of the types of which ``any_time``
    is true stay as they are.
    """
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        column = table.column(index)
        if any_time(field.type) or not any(_leaves_calendar(chunk) for chunk in column.chunks):
            continue
        texts = [
            value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in map(plain, _column(column))
        ]
        table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    return table


def _leaves_calendar(array: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_map(kind):
        return _leaves_calendar(array.keys) or _leaves_calendar(array.items)
    if pa.types.is_struct(kind):
        return any(_leaves_calendar(child) for child in array.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_type
        return (pa.types.is_nested(inner) or pa.types.is_temporal(inner)) and _leaves_calendar(array.flatten())
    if pa.types.is_date32(kind):
        numbers, day = array.view(pa.int32()), 1
    elif pa.types.is_timestamp(kind):
        numbers, day = array.view(pa.int64()), 86_400 * _UNITS[kind.unit]
    else:
        return False
    bounds = pc.min_max(numbers).as_py()
    return bounds["min"] is not None and not (_FIRST_DAY * day < bounds["min"] <= bounds["max"] < _LAST_DAY * day)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas DataFrame of ``everyday(table)``.

    Integers and booleans with NULLs become pandas' nullable types (``Int64``, ``boolean``), so no
    integer turns into a float; without NULLs they are NumPy's.  Dates are ``datetime64``.  Times with
    a zone, or inside of lists and structs, are text where one of them lies outside the years 1 to 9999.
    """
    import pandas as pd
    import pyarrow as pa

    nullable: dict[pa.DataType, Any] = {pa.bool_(): pd.BooleanDtype()}
    for bits in (8, 16, 32, 64):
        nullable[getattr(pa, f"int{bits}")()] = getattr(pd, f"Int{bits}Dtype")()
        nullable[getattr(pa, f"uint{bits}")()] = getattr(pd, f"UInt{bits}Dtype")()
    ready = _in_calendar(everyday(table), lambda kind: not pa.types.is_nested(kind) and not getattr(kind, "tz", None))
    frame: pd.DataFrame = ready.to_pandas(
        date_as_object=False, ignore_metadata=True, timestamp_as_object=False, split_blocks=True
    )
    for index, column in enumerate(ready.columns):
        if column.null_count and column.type in nullable:
            series = column.to_pandas(types_mapper=nullable.get)
            series.index = frame.index
            frame.isetitem(index, series)
    return frame


def to_polars(table: pa.Table) -> pl.DataFrame:
    """A polars DataFrame of ``everyday(table)``, calendar intervals as ISO 8601 text, as are dates and
    times where one of the column lies outside the years 1 to 9999.

    Raises ``UsageError`` (``no_polars``).
    """
    import pyarrow as pa

    try:
        import polars as pl
    except ImportError:
        raise UsageError("no_polars", "polars is not installed here.", "Run: pip install polars") from None
    ready = _in_calendar(everyday(table), lambda kind: False)
    for index, field in enumerate(ready.schema):
        if field.type == pa.month_day_nano_interval():  # polars has no calendar interval
            texts = [plain(value) for value in ready.column(index).to_pylist()]
            ready = ready.set_column(index, field.name, pa.array(texts, pa.string()))
    frame = pl.from_arrow(ready)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def bind(table: pa.Table, kind: str) -> Any:
    """``table`` as ``pandas``, ``polars`` or ``arrow``."""
    if kind == "arrow":
        return table
    return to_polars(table) if kind == "polars" else to_pandas(table)


KINDS: Sequence[str] = ("pandas", "polars", "arrow")
