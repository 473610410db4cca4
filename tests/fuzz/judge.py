"""What must hold for whatever the host gave out.  Written apart from the code under test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pyarrow as pa

from csvanalyst_ext.errors import AnalystError, ImageUnavailable, RunnerMisbehaved, SandboxLost
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.protocol import CAPS, STATUSES, Limits
from csvanalyst_ext.rendering import values
from csvanalyst_ext.views.view import head

from .script import Script

PER_ARRAY = 64
"""Bytes of padding and offsets that an array may have beyond what was sent."""


class Fault(Exception):
    """The host did what it must not."""


def judge(script: Script, ends: list[Any], *, thorough: bool) -> str:
    """A word for how the case ended.  ``thorough`` looks at tables in more ways.  Raises ``Fault``."""
    words = []
    for end in ends:
        if isinstance(end, Outcome):
            _outcome(end, script.request.limits, thorough=thorough)
            words.append(end.status)
        elif isinstance(end, AnalystError):
            _error(end)
            words.append(end.code)
        elif isinstance(end, asyncio.CancelledError):
            words.append("cancelled")
    if script.expected is not None:
        first = ends[0] if ends else None
        if not isinstance(first, Outcome) or first.table is None or not first.table.equals(script.expected):
            raise Fault(f"an honest answer was not taken: {first!r}"[:500])
    if script.refused and any(isinstance(end, Outcome) for end in ends[:1]):
        raise Fault("a lie was taken")
    return words[0] if words else "no greeting"


def _error(error: AnalystError) -> None:
    if not isinstance(error, RunnerMisbehaved | SandboxLost | ImageUnavailable):
        raise Fault(f"an error of another kind: {error!r}")
    if not error.message or len(str(error)) > 2000 or error.code != error.code.strip() or not error.code:
        raise Fault(f"an error that says nothing, or too much: {error!r}"[:500])
    json.dumps(error.to_json())


def _outcome(outcome: Outcome, limits: Limits, *, thorough: bool) -> None:
    if outcome.status not in STATUSES or (outcome.fault is None) != (outcome.status == "ok"):
        raise Fault("a status without its fault")
    if len(outcome.stdout) > limits.max_stdout or not set(outcome.truncated) <= set(CAPS):
        raise Fault("more output than allowed, or an unknown cap")
    json.dumps([outcome.report, dict(outcome.timings), outcome.fault and outcome.fault.details], allow_nan=False)
    for text in (outcome.stdout, *(column.name for column in outcome.columns)):
        text.encode()
    if any(a.kind == "image/png" and not a.data.startswith(b"\x89PNG") for a in outcome.artefacts):
        raise Fault("a picture that is none")
    if outcome.table is not None:
        _table(outcome, outcome.table, limits, thorough=thorough)


def _table(outcome: Outcome, table: pa.Table, limits: Limits, *, thorough: bool) -> None:
    try:
        table.validate(full=True)
    except pa.ArrowException as error:
        raise Fault(f"an invalid table was handed out: {error}") from error
    if table.num_rows > limits.max_rows or table.num_columns > limits.max_columns:
        raise Fault("more rows or columns than allowed")
    if table.num_rows != outcome.row_count or table.column_names != [c.name for c in outcome.columns]:
        raise Fault("a table other than announced")
    if len(set(table.column_names)) != table.num_columns or any(len(name) > 255 for name in table.column_names):
        raise Fault("names that repeat or are too long")
    if table.schema.metadata or any(field.metadata for field in table.schema):
        raise Fault("metadata was handed out")
    arrays = sum(_type(kind) for kind in table.schema.types) * max(
        1, max(c.num_chunks for c in table.columns or [_NONE])
    )
    if table.nbytes > limits.max_bytes + PER_ARRAY * arrays:
        raise Fault(f"{table.nbytes} bytes came of {limits.max_bytes}")
    _touch(table, outcome, thorough=thorough)


_NONE = pa.chunked_array([pa.nulls(0)])


def _type(kind: pa.DataType, depth: int = 0) -> int:
    """How many arrays a column of ``kind`` is made of.  Raises ``Fault`` for a type that is not plain."""
    t = pa.types
    if t.is_nested(kind):
        if not (t.is_list(kind) or t.is_large_list(kind) or t.is_map(kind) or t.is_struct(kind)) or depth > 33:
            raise Fault(f"a column of type {kind}"[:200])
        return 1 + sum(_type(kind.field(i).type, depth + 1) for i in range(kind.num_fields))
    odd = (t.is_dictionary, t.is_decimal256, t.is_float16, t.is_interval, t.is_fixed_size_binary, t.is_run_end_encoded,
           t.is_date64, t.is_time32, t.is_decimal32, t.is_decimal64)  # fmt: skip
    view = str(kind).endswith("_view")
    if isinstance(kind, pa.BaseExtensionType) or view or any(test(kind) and not t.is_decimal128(kind) for test in odd):
        raise Fault(f"a column of type {kind}"[:200])
    return 1


def _touch(table: pa.Table, outcome: Outcome, *, thorough: bool) -> None:
    """Everything that a person may do with a result: look at it, take it as a frame, export it."""
    json.dumps(values.json_rows(table), allow_nan=False).encode()
    head(table, [column.type for column in outcome.columns])
    frame = values.to_pandas(table)
    if thorough:
        repr(frame.head(2))
        repr(values.to_polars(table).head(2))
        repr(table.slice(0, 2))
    # Arrow's own conversion: Python has no date beyond the year 9999, and it says so.
    with contextlib.suppress(OverflowError, ValueError, pa.ArrowException):
        table.to_pylist()
