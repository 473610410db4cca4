"""Whether a Parquet file can be kept as it is, so that a large one need not be written anew.

Runs in the sandbox, in the ingest worker.  Later queries trust a file's statistics: they skip row groups
and answer ``min`` by them.  So those of another's file are held against its values first, one row group
at a time.  What cannot be proved here is no fault of the file: it is then written anew.
"""
# ruff: noqa: S608 - identifiers are quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .ingest_engine import Engine, literal
from .ingest_engine import name as quoted

_BATCH: Final = 64
_MOST_GROUP_ROWS: Final = 10_000_000
"""Rows of a row group above which a file is written anew: a reader holds and skips whole row groups."""


def statistics_hold(engine: Engine, names: Sequence[str]) -> bool:
    """Whether the file's row groups are of one size and their null counts, minima and maxima are true.

    Reads every value of the file.  Raises ``duckdb.Error`` for one that cannot be read.
    """
    file = literal(engine.source)
    groups = engine.rows(
        f"SELECT row_group_id, any_value(row_group_num_rows), count(*) FROM parquet_metadata({file}) "
        "GROUP BY 1 ORDER BY 1"
    )
    if not groups:
        return True
    size = groups[0][1]
    regular = all(rows == size for _, rows, _ in groups[:-1]) and 0 < groups[-1][1] <= size <= _MOST_GROUP_ROWS
    if not regular or any(columns != len(names) for _, _, columns in groups):  # more leaves than columns: nested
        return False
    said: dict[tuple[int, int], tuple[Any, ...]] = {
        (group, column): tuple(facts)
        for group, column, *facts in engine.rows(
            "SELECT row_group_id, column_id, coalesce(stats_min_value, stats_min), coalesce(stats_max_value, "
            f"stats_max), stats_null_count, row_group_num_rows FROM parquet_metadata({file})"
        )
    }
    item = f"read_parquet({file}, file_row_number = true)"
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        wanted = ", ".join(f"min({q})::VARCHAR, max({q})::VARCHAR, count({q})" for q in map(quoted, batch))
        for group, *found in engine.rows(f"SELECT file_row_number // {size}, {wanted} FROM {item} GROUP BY 1"):
            for place in range(len(batch)):
                low, high, count = found[3 * place : 3 * place + 3]
                told = said.get((group, start + place))
                if told is None or not _true(told, low, high, count):
                    return False
    return True


def _true(told: Sequence[Any], low: str | None, high: str | None, count: int) -> bool:
    """Statistics that are not there say nothing wrong."""
    least, most, nulls, rows = told
    return (
        (least is None or low is None or _same(least, low))
        and (most is None or high is None or _same(most, high))
        and (nulls is None or nulls == rows - count)
    )


def _same(told: str, found: str) -> bool:
    """The format's rules have a smallest zero written as -0.0."""
    return told == found or {told, found} == {"0.0", "-0.0"}
