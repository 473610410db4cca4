"""What each column holds: counts, extremes, frequent texts.

Runs in the sandbox, in the ingest worker, on data that is loaded already or in one pass over it.
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .ingest_engine import Engine

EXACT_DISTINCT: Final = 10_000
VALUES: Final = 50
CELL: Final = 200
_SAMPLE_ROWS: Final = 20_000
_TEXT_BUDGET: Final = 1_000_000  # characters of ``values`` over all columns
_WIDE: Final = 256
_SAMPLED: Final = "Frequent values of text columns with more than 10,000 different values come from a sample of rows."


@dataclass(frozen=True, slots=True)
class Profile:
    """The fields of the host's ``ColumnProfile``."""

    name: str
    type: str
    nulls: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    values: tuple[str, ...] = ()
    all_values: bool = False
    words: tuple[str, ...] = ()


def listable(kind: str) -> bool:
    """Whether the frequent values of a column of that type are kept."""
    return kind in ("VARCHAR", "BOOLEAN")


def nested(kind: str) -> bool:
    """Whether values of that type have no useful order or text form."""
    return kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT")) or kind.endswith("]") or kind in ("JSON", "BLOB")


def aggregates(ref: str, kind: str, *, values: bool) -> str:
    """Four or five aggregates of a column: count, distinct, minimum, maximum, frequent values."""
    extremes = "NULL, NULL" if nested(kind) else f"min({ref})::VARCHAR, max({ref})::VARCHAR"
    top = f", approx_top_k({ref}::VARCHAR, {VALUES + 1})" if listable(kind) else ", NULL"
    return f"count({ref}), approx_count_distinct({ref}), {extremes}{top if values else ''}"


def from_pass(columns: Sequence[tuple[str, str]], rows: int, found: Sequence[Any]) -> list[Profile]:
    """Profiles from ``aggregates(…, values=True)`` of each column over all rows.  Distinct counts
    are approximate unless all values are listed."""
    profiles = []
    for place, (name, kind) in enumerate(columns):
        count, distinct, low, high, top = found[place * 5 : place * 5 + 5]
        texts = [text for text in top or () if text is not None]
        complete = listable(kind) and len(texts) <= VALUES
        profiles.append(
            Profile(
                name,
                kind,
                rows - count,
                len(texts) if complete else min(distinct, count),
                _cut(low),
                _cut(high),
                tuple(dict.fromkeys(text[:CELL] for text in texts[:VALUES])),
                complete,
            )
        )
    return profiles


def from_table(
    engine: Engine, table: str, columns: Sequence[tuple[str, str]], rows: int
) -> tuple[list[Profile], list[str]]:
    """Profiles of the loaded table, whose columns are v0, v1, …; and what is not exact in them."""
    if len(columns) > _WIDE:
        return _from_wide_table(engine, table, columns, rows)
    wanted = ", ".join(aggregates(f"v{i}", kind, values=False) for i, (_, kind) in enumerate(columns))
    found = engine.row(f"SELECT {wanted} FROM {table}")
    profiles = []
    for i, (name, kind) in enumerate(columns):
        count, distinct, low, high = found[i * 4 : i * 4 + 4]
        profiles.append(Profile(name, kind, rows - count, min(distinct, count), _cut(low), _cut(high)))
    few = [i for i, p in enumerate(profiles) if 0 < p.distinct <= EXACT_DISTINCT * 1.2]
    counted = [i for i in few if not listable(profiles[i].type) and not nested(profiles[i].type)]
    if counted:
        found = engine.row(f"SELECT {', '.join(f'count(DISTINCT v{i})' for i in counted)} FROM {table}")
        for i, distinct in zip(counted, found, strict=True):
            profiles[i] = replace(profiles[i], distinct=distinct)
    sampled = False
    for i, profile in enumerate(profiles):
        if listable(profile.type) and profile.distinct:
            every = 1 if i in few else max(1, rows // _SAMPLE_ROWS)
            profiles[i] = _with_values(engine, table, i, profile, every)
            sampled = sampled or every > 1
    return fit(profiles), [_SAMPLED] if sampled else []


def _from_wide_table(
    engine: Engine, table: str, columns: Sequence[tuple[str, str]], rows: int
) -> tuple[list[Profile], list[str]]:
    """The same with a few statements only: one for each column would take long."""
    profiles: list[Profile] = []
    for start in range(0, len(columns), _WIDE):
        batch = columns[start : start + _WIDE]
        wanted = ", ".join(aggregates(f"v{start + i}", kind, values=True) for i, (_, kind) in enumerate(batch))
        profiles += from_pass(batch, rows, engine.row(f"SELECT {wanted} FROM {table}"))
    return fit(profiles), ["The table is wide: distinct counts and frequent values are approximate."]


def _with_values(engine: Engine, table: str, place: int, profile: Profile, every: int) -> Profile:
    """The profile with its frequent values, from each ``every``-th row."""
    some = f"AND rowid % {every} = 0" if every > 1 else ""
    top = engine.rows(
        f"SELECT count(*) OVER (), v FROM (SELECT v{place}::VARCHAR AS v, count(*) AS n FROM {table} "
        f"WHERE v{place} IS NOT NULL {some} GROUP BY 1) ORDER BY n DESC, v LIMIT {VALUES}"
    )
    distinct = top[0][0] if every == 1 and top else profile.distinct
    texts = tuple(dict.fromkeys(text[:CELL] for _, text in top))
    return replace(profile, distinct=distinct, values=texts, all_values=every == 1 and distinct <= VALUES)


def fit(profiles: list[Profile]) -> list[Profile]:
    """The profiles with fewer listed values per column where all together are too long to report."""
    room = _TEXT_BUDGET // max(1, len(profiles))
    fitted = []
    for profile in profiles:
        used, kept = 0, []
        for text in profile.values:
            used += len(text) + 4
            if used > room:
                break
            kept.append(text)
        complete = profile.all_values and len(kept) == len(profile.values)
        fitted.append(replace(profile, values=tuple(kept), all_values=complete))
    return fitted


def _cut(text: Any) -> str | None:
    return None if text is None else str(text)[:CELL]
