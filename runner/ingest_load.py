"""From a relation of texts to typed Parquet: prove the types, profile, stream.

Runs in the sandbox, in the ingest worker.  Small tables are held in memory in between; larger ones
are read twice, first to prove the types and to profile, then to stream.
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

import duckdb

from . import ingest_profile as profiling
from .ingest_engine import Engine, literal, name, row_group_size, stream
from .ingest_faults import IngestFault, TakeSlowRoad, shown
from .ingest_names import NA_WORDS
from .ingest_profile import Profile
from .ingest_types import Plan, ladder, open_order

MEMORY_SHARE: Final = 0.4
_LOOK_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Relation:
    """A table that can be read again and again.

    ``open`` gives the text of a FROM item with columns c0, c1, …; ``rows`` is how many rows it must
    have (``None``: not known); ``size`` the source's bytes; ``memory`` the estimated bytes of the
    loaded table; ``line_of`` the line in the file of row n (from 1).
    """

    open: Callable[[], AbstractContextManager[str]]
    width: int
    rows: int | None
    size: int
    memory: int
    line_of: Callable[[int], int] = lambda row: row
    underscores: bool = True


@dataclass(slots=True)
class Loaded:
    rows: int
    profiles: list[Profile]
    notes: list[str] = field(default_factory=list)


def load(engine: Engine, relation: Relation, names: Sequence[str], plans: list[Plan]) -> Loaded:
    """Type, profile and stream the relation.

    Raises ``TakeSlowRoad`` when it delivers other than ``relation.rows`` rows or fails to be read,
    before anything is streamed.
    """
    notes: list[str] = []
    if any(plan.doubt for plan in plans):
        plans = settle(engine, relation, names, plans, notes, only_doubt=True)
    small = relation.memory <= MEMORY_SHARE * engine.memory
    for _ in range(2):
        try:
            loaded = (_in_memory if small else _in_two_passes)(engine, relation, names, plans)
        except duckdb.OutOfMemoryException:
            if not small:
                raise
            engine.con.execute("DROP TABLE IF EXISTS data")
            small, loaded = False, None
            continue
        if loaded is not None:
            break
        plans = settle(engine, relation, names, plans, notes, only_doubt=False)
    if loaded is None:  # all plans are proved by now
        loaded = (_in_memory if small else _in_two_passes)(engine, relation, names, plans)
    assert loaded is not None
    for title, plan in zip(names, plans, strict=True):
        notes += [f"Column {shown(title)} {said}." for said in (plan.note, plan.statement) if said]
    return Loaded(loaded.rows, loaded.profiles, notes + loaded.notes)


def _checked(source: str, plans: Sequence[Plan], underscores: bool) -> tuple[str, list[int]]:
    """A query over ``source``, and the columns in which cells may be read as missing.

    It gives v0, v1, … , then ``n<i>`` (the text of this cell was read as missing) and ``misfit``.
    Texts, values and checks are three layers, so that nothing is computed twice.
    """
    texts, values, outer, extra, misfits, missing = [], [], [], [], [], []
    for i, plan in enumerate(plans):
        texts.append(f"{plan.text(f'c{i}')} AS t{i}")
        values.append(f"{plan.value(f't{i}')} AS v{i}")
        outer.append(f"v{i}")
        if plan.type == "VARCHAR":
            continue
        values.append(f"t{i}")
        if not plan.proved:
            misfits.append(plan.misfit(f"t{i}", value=f"v{i}", exact=False, underscores=underscores))
        if plan.na or plan.trim:
            texts.append(f"c{i} AS s{i}")
            values.append(f"s{i}")
            extra.append(f"(t{i} IS NULL AND s{i} IS NOT NULL) AS n{i}")
            missing.append(i)
    extra.append(f"({' OR '.join(misfits) or 'FALSE'}) AS misfit")
    typed = f"SELECT {', '.join(values)} FROM (SELECT {', '.join(texts)} FROM {source})"
    return f"SELECT {', '.join([*outer, *extra])} FROM ({typed})", missing


def _in_memory(engine: Engine, relation: Relation, names: Sequence[str], plans: Sequence[Plan]) -> Loaded | None:
    """Load into a table; ``None`` when a text does not fit its plan."""
    engine.con.execute("DROP TABLE IF EXISTS data")
    with relation.open() as source, engine.ticking(relation.rows or 0, relation.size):
        checked, missing = _checked(source, plans, relation.underscores)
        engine.con.execute(f"CREATE TEMP TABLE data AS {checked}")
    counts = engine.row(
        f"SELECT {', '.join(['count(*)', 'count_if(misfit)', *(f'count_if(n{i})' for i in missing)])} FROM data"
    )
    _expect(relation, counts[0])
    if counts[1]:
        return None
    kinds = _types(engine, "FROM data", len(plans))
    profiles, sampled = profiling.from_table(engine, "data", list(zip(names, kinds, strict=True)), counts[0])
    query = "SELECT " + ", ".join(f"v{i} AS {name(n)}" for i, n in enumerate(names)) + " FROM data"
    stream(engine, query, counts[0], row_group_size(len(names), relation.memory // max(1, counts[0]), engine.memory))
    engine.con.execute("DROP TABLE data")
    notes = _missing_notes(names, plans, missing, counts[2:])
    notes += sampled
    return Loaded(counts[0], _with_words(profiles, plans), notes)


def _in_two_passes(engine: Engine, relation: Relation, names: Sequence[str], plans: Sequence[Plan]) -> Loaded | None:
    """Prove and profile in a first pass, stream in a second; ``None`` when a text does not fit."""
    with relation.open() as source:
        checked, missing = _checked(source, plans, relation.underscores)
        kinds = _types(engine, checked, len(plans))
    wanted = ["count(*)", "count_if(misfit)", *(f"count_if(n{i})" for i in missing)]
    wanted += [profiling.aggregates(f"v{i}", kind, values=True) for i, kind in enumerate(kinds)]
    with relation.open() as source, engine.ticking(relation.rows or 0, relation.size):
        checked, _ = _checked(source, plans, relation.underscores)
        found = engine.row(f"SELECT {', '.join(wanted)} FROM ({checked})")
    _expect(relation, found[0])
    if found[1]:
        return None
    start = 2 + len(missing)
    profiles = profiling.fit(profiling.from_pass(list(zip(names, kinds, strict=True)), found[0], found[start:]))
    with relation.open() as source:
        checked, _ = _checked(source, [replace(plan, proved=True) for plan in plans], False)
        query = "SELECT " + ", ".join(f"v{i} AS {name(n)}" for i, n in enumerate(names)) + f" FROM ({checked})"
        stream(engine, query, found[0], row_group_size(len(names), relation.memory // max(1, found[0]), engine.memory))
    notes = _missing_notes(names, plans, missing, found[2:start])
    notes.append("The table is large: distinct counts and frequent values are approximate.")
    return Loaded(found[0], _with_words(profiles, plans), notes)


def _expect(relation: Relation, rows: int) -> None:
    if relation.rows is not None and rows != relation.rows:
        raise TakeSlowRoad(f"{rows} rows were read, {relation.rows} are there")


def _types(engine: Engine, query: str, width: int) -> list[str]:
    """The engine's names of the types of the first ``width`` columns."""
    return [row[1] for row in engine.rows(f"DESCRIBE {query}")[:width]]


def _with_words(profiles: list[Profile], plans: Sequence[Plan]) -> list[Profile]:
    return [replace(p, words=plan.words) if plan.words else p for p, plan in zip(profiles, plans, strict=True)]


def _missing_notes(names: Sequence[str], plans: Sequence[Plan], places: list[int], counts: Sequence[int]) -> list[str]:
    notes = []
    for place, count in zip(places, counts, strict=True):
        if count:
            words = " or ".join(map(shown, plans[place].na)) or "only blanks"
            cells = "1 cell holds" if count == 1 else f"{count:,} cells hold"
            notes.append(f"Column {shown(names[place])}: {cells} {words}, read as NULL.")
    return notes


# --- columns in doubt -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """One plan held against all texts of a column: how many do not fit, and the first of them."""

    plan: Plan
    misfits: int
    row: int | None
    text: str | None


@dataclass(frozen=True, slots=True)
class _Column:
    """All that was seen of a column: its texts that mean NULL, whether blanks stand around some
    values, how many values there are, and the looks."""

    words: tuple[str, ...]
    blanks: bool
    filled: int
    looks: tuple[_Look, ...]


def settle(
    engine: Engine, relation: Relation, names: Sequence[str], plans: list[Plan], notes: list[str], *, only_doubt: bool
) -> list[Plan]:
    """Plans that every text fits, found by looking at all texts of the columns in question."""
    places = [i for i, p in enumerate(plans) if p.type != "VARCHAR" and not p.proved and (p.doubt or not only_doubt)]
    settled = list(plans)
    if not only_doubt:
        refuted = _refuted(engine, relation, plans, places)
        for place in set(places) - refuted:
            settled[place] = replace(plans[place], proved=True)
        places = sorted(refuted)
    for start in range(0, len(places), _LOOK_BATCH):
        batch = places[start : start + _LOOK_BATCH]
        for place, column in zip(batch, _look(engine, relation, plans, batch), strict=True):
            settled[place], note = _choose(relation, plans[place], column)
            if note:
                notes.append(f"Column {shown(names[place])}: {note}.")
    return settled


def _refuted(engine: Engine, relation: Relation, plans: Sequence[Plan], places: Sequence[int]) -> set[int]:
    """Those columns in which the cheap check finds a text that may not fit."""
    texts = ", ".join(f"{plans[i].text(f'c{i}')} AS t{i}" for i in places)
    values = ", ".join(f"t{i}, {plans[i].value(f't{i}')} AS v{i}" for i in places)
    checks = [plans[i].misfit(f"t{i}", value=f"v{i}", exact=False, underscores=relation.underscores) for i in places]
    with relation.open() as source:
        wanted = ", ".join(f"count_if({check})" for check in checks)
        counts = engine.row(f"SELECT {wanted} FROM (SELECT {values} FROM (SELECT {texts} FROM {source}))")
    return {place for place, count in zip(places, counts, strict=True) if count}


def _look(engine: Engine, relation: Relation, plans: Sequence[Plan], places: Sequence[int]) -> list[_Column]:
    wanted, layer = [], ["row_number() OVER () AS r"]
    words = ", ".join(literal(word) for word in NA_WORDS)
    for place in places:
        layer += [f"c{place}", f"trim(c{place}) AS b{place}", f"b{place} IN ({words}) AS w{place}"]
        wanted.append(
            f"list(DISTINCT b{place}) FILTER (w{place}), coalesce(bool_or(b{place} <> c{place}), false), "
            f"count_if(NOT w{place} AND b{place} <> '')"
        )
        for number, plan in enumerate(ladder(plans[place])):
            misfit = f"m{place}_{number}"
            text = f"({plan.text(f'c{place}')})"
            layer.append(f"{plan.misfit(text, exact=True)} AS {misfit}")
            wanted.append(f"count_if({misfit}), min(r) FILTER ({misfit}), arg_min(c{place}, r) FILTER ({misfit})")
    with relation.open() as source:
        found = iter(engine.row(f"SELECT {', '.join(wanted)} FROM (SELECT {', '.join(layer)} FROM {source})"))
    columns = []
    for place in places:
        missing, blanks, filled = next(found), next(found), next(found)
        looks = tuple(_Look(plan, next(found), next(found), next(found)) for plan in ladder(plans[place]))
        present = tuple(word for word in NA_WORDS if word in (missing or ()))
        columns.append(_Column(present, blanks, filled, looks))
    return columns


def _choose(relation: Relation, plan: Plan, column: _Column) -> tuple[Plan, str]:
    fitting = [look.plan for look in column.looks if not look.misfits]
    if plan.blind and (not fitting or not column.filled):
        return Plan(), ""
    if fitting and not (open_order(plan) and len(fitting) > 1):
        proved = replace(fitting[0], proved=True, doubt=False, blind=False)
        return replace(proved, na=column.words, trim=column.blanks), ""
    if open_order(plan):
        return Plan(), _open_order_note(column.looks, bool(fitting))
    least = min(column.looks, key=lambda look: look.misfits)
    values = "1 value does" if least.misfits == 1 else f"{least.misfits:,} values do"
    where = ""
    if least.row is not None:
        where = f", {'first ' if least.misfits > 1 else ''}at line {relation.line_of(least.row)}"
    return Plan(), f"{values} not read as {least.plan.type}{where}: {shown(least.text or '')}; kept as text"


def _open_order_note(looks: Sequence[_Look], both: bool) -> str:
    if both:
        return (
            "holds dates that read both as day/month and as month/day; kept as text "
            "(strptime(x, '%d/%m/%Y') or strptime(x, '%m/%d/%Y') converts them)"
        )
    return (
        f"{looks[0].misfits:,} values are no dates month first and {looks[-1].misfits:,} none day first; kept as text"
    )


def unreadable(error: duckdb.Error) -> IngestFault:
    """The fault for a file that the engine refuses on the slow road, where none is expected."""
    return IngestFault(
        "data_unreadable",
        f"The data cannot be read: {str(error).splitlines()[0][:300]}",
        "Check the file, or convert it to another format and add that.",
    )
