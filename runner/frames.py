"""From a relation to a pandas DataFrame by way of Arrow, several times as fast as the engine's own ``df()``.

Runs in the sandbox, in a worker.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import pyarrow as pa

_NULLABLE: Final[dict[pa.DataType, Any]] = {
    pa.bool_(): pd.BooleanDtype(),
    **{getattr(pa, f"int{bits}")(): getattr(pd, f"Int{bits}Dtype")() for bits in (8, 16, 32, 64)},
    **{getattr(pa, f"uint{bits}")(): getattr(pd, f"UInt{bits}Dtype")() for bits in (8, 16, 32, 64)},
}
_INTEGERS: Final = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint")
_TIMES: Final = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone")
_SURE: Final = frozenset(("boolean", *_INTEGERS, "float", "double", "decimal", "varchar", "date", *_TIMES))
"""Types that come out the same on both ways."""


def of(relation: Any) -> pd.DataFrame:
    """The rows of ``relation`` as ``relation.df()`` gives them; text is text also where there are no rows.

    Raises what the engine raises.
    """
    if {kind.id for kind in relation.types} <= _SURE:
        try:
            return _frame(relation.to_arrow_table())
        except pa.ArrowInvalid:  # a date beyond what pandas can hold
            pass
    frame: pd.DataFrame = relation.df()
    return frame


def _frame(table: pa.Table) -> pd.DataFrame:
    kinds = [_kind(field.type) for field in table.schema]
    names = table.column_names
    columns = [
        column if column.type == kind else column.cast(kind) for column, kind in zip(table.columns, kinds, strict=True)
    ]
    frame: pd.DataFrame = pa.Table.from_arrays(columns, names=names).to_pandas(split_blocks=True)
    for position, column in enumerate(columns):
        if column.null_count and column.type in _NULLABLE:
            frame.isetitem(position, column.to_pandas(types_mapper=_NULLABLE.get))
    return frame


def _kind(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date32(kind):
        return pa.timestamp("us")
    return pa.float64() if pa.types.is_decimal(kind) else kind
