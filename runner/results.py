"""From a Python value to what the boundary carries: a table, text, pictures.

Runs in the sandbox, in a worker.  Values of other kinds (generators, arbitrary objects) are not
carried: nothing is ever pickled.
"""

from __future__ import annotations

import datetime
import decimal
import io
import itertools
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from csvanalyst_ext.protocol import Limits, Reply

from . import wire
from .sink import Sink

SCALARS: Final = (
    bool, int, float, str, bytes, decimal.Decimal, datetime.date, datetime.datetime, datetime.time,
    datetime.timedelta, np.generic,
)  # fmt: skip
MAX_FIGURES: Final = 8
MAX_PICTURE: Final = 8 * 1024 * 1024
MAX_TEXT: Final = 20_000
MOST_PIECES: Final = 16
"""Items of a list that are looked at for pieces of a drawing."""


class NoTable(Exception):
    """The value is of a kind that cannot be carried."""


def deliver(value: Any, limits: Limits, sink: Sink) -> Reply:
    """Send ``value`` as a table body; a reply with the table's facts.  Raises ``NoTable``."""
    table = to_arrow(_narrowed(value, limits.max_columns + 1))
    if table is None:
        return Reply("ok")
    if isinstance(value, pa.Table | pa.RecordBatch | pa.Array | pa.ChunkedArray):
        _require_valid(table)
    batches = table.to_batches(max_chunksize=65_536)
    delivered = wire.send_table(iter(batches), table.schema, limits, sink, total_rows=table.num_rows)
    return Reply(
        "ok",
        columns=delivered.columns,
        row_count=delivered.row_count,
        total_rows=delivered.total_rows,
        truncated=delivered.truncated,
    )


def to_arrow(value: Any) -> pa.Table | None:
    """The table form of ``value``; ``None`` for nothing to show.

    A scalar is one row of one column ``result``; a mapping of scalars is one row; an array of two
    dimensions has columns ``0``, ``1`` …; a pandas index that says something becomes columns.
    """
    if value is None or _is_drawn(value):
        return None
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return pa.table({"result": value})
    if isinstance(value, pd.DataFrame):
        return _from_pandas(value)
    if isinstance(value, pd.Series | pd.Index):
        name = "value" if value.name is None else str(value.name)
        series = value if isinstance(value, pd.Series) else pd.Series(value.array)
        return _from_pandas(series.to_frame(name))
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.LazyFrame):
        value = value.collect()
    if polars is not None and isinstance(value, polars.Series):
        value = value.to_frame()
    if polars is not None and isinstance(value, polars.DataFrame):
        return value.to_arrow()
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return to_arrow(value.item())
        if value.ndim > 2:
            raise NoTable(f"An array of {value.ndim} dimensions is no table.")
        return _from_pandas(pd.DataFrame(value) if value.ndim == 2 else pd.DataFrame({"result": value}))
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and isinstance(value, duckdb.DuckDBPyRelation):
        return _from_pandas(value.df())
    if isinstance(value, SCALARS):
        return _from_pandas(pd.DataFrame({"result": [value]}))
    if isinstance(value, Mapping):
        return _from_mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return _from_sequence(list(value))
    raise NoTable(f"A value of type {type(value).__name__} cannot leave the sandbox.")


def _narrowed(value: Any, most: int) -> Any:
    """``value`` without columns that would be cut anyway: each costs time.  One too many stays, as a sign."""
    if isinstance(value, pd.DataFrame) and value.shape[1] > most:
        return value.iloc[:, :most]
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] > most:
        return value[:, :most]
    return value


def _require_valid(table: pa.Table) -> None:
    """Arrow data can be made of any bytes; the host would take an invalid table for an attack."""
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise NoTable(f"The Arrow data is not valid: {str(error)[:200]}.") from error


def _from_mapping(value: Mapping[Any, Any]) -> pa.Table:
    names = [str(key) for key in value]
    if all(isinstance(item, SCALARS) or item is None for item in value.values()):
        return _from_pandas(pd.DataFrame([dict(zip(names, value.values(), strict=True))]))
    if all(isinstance(item, list | tuple | np.ndarray | pd.Series) for item in value.values()):
        return _from_pandas(pd.DataFrame(dict(zip(names, value.values(), strict=True))))
    raise NoTable("A dictionary leaves the sandbox when its values are plain values, or lists of the same length.")


def _from_sequence(value: list[Any]) -> pa.Table:
    if all(isinstance(item, SCALARS) or item is None for item in value):
        return _from_pandas(pd.DataFrame({"result": value}))
    if all(isinstance(item, Mapping) for item in value):
        return _from_pandas(pd.DataFrame.from_records([dict(item) for item in value]))
    if all(isinstance(item, list | tuple) and _plain(item) for item in value):
        return _from_pandas(pd.DataFrame(value))
    raise NoTable("A list leaves the sandbox when it holds plain values, or rows of plain values.")


def _plain(items: Iterable[Any]) -> bool:
    return all(isinstance(item, SCALARS) or item is None for item in items)


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    default_index = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    if not default_index and any(name is not None for name in frame.index.names):
        frame = frame.reset_index(names=_free_names(frame))
    elif not default_index and not pd.api.types.is_integer_dtype(frame.index.dtype):
        frame = frame.reset_index(names=_free_names(frame))  # labels, as of describe(); row numbers are left out
    labels: list[Any] = list(frame.columns)
    names = [
        "_".join(str(part) for part in label if part != "") if isinstance(label, tuple) else str(label)
        for label in labels
    ]
    arrays = [_column(frame.iloc[:, position]) for position in range(len(names))]
    return pa.Table.from_arrays(arrays, names=names)


def _free_names(frame: pd.DataFrame) -> list[str]:
    taken = {str(label) for label in frame.columns}
    names = []
    for position, name in enumerate(frame.index.names):
        text = f"index{position or ''}" if name is None else str(name)
        while text in taken:
            text += "_index"
        taken.add(text)
        names.append(text)
    return names


def _column(series: pd.Series[Any]) -> pa.Array:
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype):
        series = series.astype(str)
    elif series.dtype.kind == "c":
        series = series.map(str)
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        array = pa.array([None if item is None else str(item) for item in series], pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _is_drawn(value: Any, depth: int = 2) -> bool:
    """Whether ``value`` is, or holds, a piece of a drawing: what ``plt.bar`` or ``plt.hist`` return.  The figure is
    delivered anyway."""
    if type(value).__module__.partition(".")[0] == "matplotlib":
        return True
    if isinstance(value, np.ndarray):
        value = list(value.flat) if value.dtype == object else ()
    items = value.values() if isinstance(value, dict) else value
    many = isinstance(value, dict | list | tuple) and depth > 0
    return many and any(_is_drawn(item, depth - 1) for item in itertools.islice(items, MOST_PIECES))


def deliver_figures(sink: Sink) -> None:
    """Send every open matplotlib figure as a PNG body, at most ``MAX_FIGURES``."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for count, number in enumerate(pyplot.get_fignums()[:MAX_FIGURES], start=1):
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        data = buffer.getvalue()
        if len(data) > MAX_PICTURE:
            raise NoTable(f"Figure {count} is larger than {MAX_PICTURE // 2**20} MiB.")
        sink.write(sink.open("image/png", f"figure {count}"), data)
