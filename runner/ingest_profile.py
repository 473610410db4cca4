"""What each column holds: counts, extremes, frequent texts.

Runs in the sandbox, in the ingest worker, over the finished Parquet file.
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .ingest_engine import Engine, literal
from .ingest_engine import name as quoted
from .ingest_nulls import LONGEST, NA_WORDS, is_na

EXACT_DISTINCT: Final = 10_000
VALUES: Final = 50
CELL: Final = 200
_SAMPLE_ROWS: Final = 20_000
_TEXT_BUDGET: Final = 1_000_000  # characters of ``values`` over all columns
_WIDE: Final = 256
_WORDS: Final = ", ".join(map(literal, NA_WORDS))
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
    null_words: tuple[tuple[str, int], ...] = ()


def listable(kind: str) -> bool:
    """Whether the frequent values of a column of that type are kept."""
    return kind in ("VARCHAR", "BOOLEAN")


def nested(kind: str) -> bool:
    """Whether values of that type have no useful order or text form."""
    return kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT")) or kind.endswith("]") or kind in ("JSON", "BLOB")


def of_file(
    engine: Engine, path: str, columns: Sequence[tuple[str, str]], rows: int
) -> tuple[list[Profile], list[str]]:
    """Profiles of the columns (name, type) of the Parquet file, and what is not exact in them.

    Every value of the file is read.  Raises ``duckdb.Error`` for one that cannot be.
    """
    item = f"read_parquet({literal(path)}, file_row_number = true)"
    profiles: list[Profile] = []
    for start in range(0, len(columns), _WIDE):
        batch = columns[start : start + _WIDE]
        refs = [(quoted(title), kind) for title, kind in batch]
        # Apart from the rest, because the engine takes these from the file's statistics and reads nothing.
        plain = engine.row(f"SELECT {', '.join(_extremes(ref, kind) for ref, kind in refs)} FROM {item}")
        distinct = engine.row(f"SELECT {', '.join(f'approx_count_distinct({ref})' for ref, _ in refs)} FROM {item}")
        for i, (title, kind) in enumerate(batch):
            count, low, high = plain[i * 3 : i * 3 + 3]
            profiles.append(Profile(title, kind, rows - count, min(distinct[i], count), _cut(low), _cut(high)))
    notes = []
    few = [i for i, p in enumerate(profiles) if 0 < p.distinct <= EXACT_DISTINCT * 1.2]
    if len(columns) > _WIDE:
        notes.append("The table is wide: distinct counts are approximate, and frequent values come from a sample.")
        few = [i for i in few if profiles[i].distinct <= VALUES and listable(profiles[i].type)]
    counted = [i for i in few if not listable(profiles[i].type) and not nested(profiles[i].type)]
    if counted:
        wanted = ", ".join(f"count(DISTINCT {quoted(profiles[i].name)})" for i in counted)
        for i, distinct in zip(counted, engine.row(f"SELECT {wanted} FROM {item}"), strict=True):
            profiles[i] = replace(profiles[i], distinct=distinct)
    listed = [i for i, p in enumerate(profiles) if listable(p.type) and p.distinct]
    for i in [i for i in listed if i in few]:
        profiles[i] = _with_values(engine, item, profiles[i])
    many = [i for i in listed if i not in few]
    if many:
        _sampled(engine, item, profiles, many, max(1, rows // _SAMPLE_ROWS))
        notes.append(_SAMPLED)
        for i in many:
            if len(columns) <= _WIDE or any(map(is_na, profiles[i].values)):
                profiles[i] = _with_null_words(engine, item, profiles[i])
    return fit(profiles), notes


def _extremes(ref: str, kind: str) -> str:
    """Count, minimum and maximum."""
    return f"count({ref}), " + ("NULL, NULL" if nested(kind) else f"min({ref})::VARCHAR, max({ref})::VARCHAR")


def _with_values(engine: Engine, item: str, profile: Profile) -> Profile:
    """The profile with its frequent values, the exact number of different ones and of those that may mean NULL."""
    ref = quoted(profile.name)
    found = engine.rows(
        f"SELECT count(*) OVER (), v, n, row_number() OVER (ORDER BY n DESC, v) AS place "
        f"FROM (SELECT {ref}::VARCHAR AS v, count(*) AS n FROM {item} WHERE {ref} IS NOT NULL GROUP BY 1) "
        f"QUALIFY place <= {VALUES} OR v IN ({_WORDS}) ORDER BY place"
    )
    distinct = found[0][0] if found else profile.distinct
    texts = tuple(dict.fromkeys(text[:CELL] for _, text, _, _ in found[:VALUES]))
    words = tuple((text, count) for _, text, count, _ in found if is_na(text))
    return replace(profile, distinct=distinct, values=texts, all_values=distinct <= VALUES, null_words=words)


def _with_null_words(engine: Engine, item: str, profile: Profile) -> Profile:
    """The same of a column with many different values: the engine knows most of it from the file's statistics."""
    ref = quoted(profile.name)
    found = engine.rows(
        f"SELECT {ref}, count(*) FROM {item} WHERE strlen({ref}) <= {LONGEST} AND {ref} IN ({_WORDS}) "
        f"GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return replace(profile, null_words=tuple(found))


def _sampled(engine: Engine, item: str, profiles: list[Profile], places: Sequence[int], every: int) -> None:
    """Give the profiles at ``places`` their frequent values among each ``every``-th row."""
    wanted = ", ".join(f"approx_top_k({quoted(profiles[i].name)}::VARCHAR, {VALUES})" for i in places)
    found = engine.row(f"SELECT {wanted} FROM {item} WHERE file_row_number % {every} = 0")
    for i, top in zip(places, found, strict=True):
        texts = tuple(dict.fromkeys(text[:CELL] for text in top or () if text is not None))
        profiles[i] = replace(profiles[i], values=texts[:VALUES])


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
