"""From a relation of texts to typed Parquet: one pass that types, checks and writes; then the profile.

Runs in the sandbox, in the ingest worker.  A text that does not fit its column's type ends the pass.
As long as nothing was sent the worker looks at all texts and starts over; once something was sent it
asks for another ingest in which everything is proved first (the option ``exact``).
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import duckdb

from . import ingest_profile as profiling
from .ingest_engine import Engine, deliver, literal, name, row_group_size, send_held
from .ingest_faults import IngestFault, TakeSlowRoad, shown
from .ingest_nulls import LONGEST, NA_WORDS
from .ingest_profile import Profile
from .ingest_types import Plan, ladder, open_order

AGAIN: Final = "ingest_again"
"""The code of the fault that asks for the same ingest with the option ``exact``."""
_LOOK_BATCH: Final = 100
_NONE: Final[Mapping[int, Sequence[str]]] = MappingProxyType({})
_PROOF_SHARE: Final = 0.45
"""Of the work when everything is proved first."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table that can be read again and again.

    ``open`` gives the text of a FROM item with columns c0, c1, …; ``rows`` is how many rows it must
    have (``None``: not known); ``size`` the source's bytes; ``memory`` the estimated bytes of the
    loaded table; ``line_of`` the line in the file of row n (from 1); ``done`` the share of the work that
    was done before it is opened.
    """

    open: Callable[[], AbstractContextManager[str]]
    width: int
    rows: int | None
    size: int
    memory: int
    line_of: Callable[[int], int] = lambda row: row
    underscores: bool = True
    done: float = 0.0


@dataclass(slots=True)
class Loaded:
    """``profiled`` says that ``profiles`` hold more than names and types."""

    rows: int
    profiles: list[Profile]
    notes: list[str] = field(default_factory=list)
    profiled: bool = True


class _Misfit(Exception):
    """A text does not fit the type that the sample suggests."""


def load(
    engine: Engine,
    relation: Relation,
    names: Sequence[str],
    plans: list[Plan],
    said: Mapping[int, Sequence[str]] = _NONE,
) -> Loaded:
    """Type, write and profile the relation.  ``said`` are texts that the person calls NULL, by their column's place.

    Raises ``TakeSlowRoad`` or the engine's error when it delivers other than ``relation.rows`` rows or
    fails to be read before anything is sent, and ``IngestFault`` (``ingest_again``) when that, or a text
    that does not fit, shows only later.
    """
    notes: list[str] = []
    start = relation.done
    relation = _without(engine, relation, said)
    if engine.exact:
        with engine.ticking(relation.rows or 0, relation.size, start, start + _PROOF_SHARE):
            plans = settle(engine, relation, names, plans, notes, only_doubt=False)
        start += _PROOF_SHARE
    elif any(plan.doubt for plan in plans):
        plans = settle(engine, relation, names, plans, notes, only_doubt=True)
    try:
        loaded = _written(engine, relation, names, plans, start, said)
    except _Misfit:
        plans = settle(engine, relation, names, plans, notes, only_doubt=False)
        loaded = _written(engine, relation, names, plans, start, said)
    for title, plan in zip(names, plans, strict=True):
        notes += [f"Column {shown(title)} {said}." for said in (plan.note, plan.statement) if said]
    loaded.notes = notes + loaded.notes
    return loaded


def _without(engine: Engine, relation: Relation, said: Mapping[int, Sequence[str]]) -> Relation:
    """``relation`` with NULL in place of the texts that the person calls so; such cells draw from a sequence."""
    if not said:
        return relation
    _count_from_nothing(engine, map(_called, said))
    changed = ", ".join(
        f"CASE WHEN trim(c{i}) IN ({', '.join(map(literal, words))}) "
        f"THEN CASE WHEN nextval('{_called(i)}') < 0 THEN c{i} END ELSE c{i} END AS c{i}"
        for i, words in said.items()
    )

    @contextmanager
    def opened() -> Iterator[str]:
        with relation.open() as source:
            yield f"(SELECT * REPLACE ({changed}) FROM {source})"

    return replace(relation, open=opened)


def _count_from_nothing(engine: Engine, counters: Iterable[str]) -> None:
    for counter in counters:
        engine.con.execute(f"CREATE OR REPLACE TEMP SEQUENCE {counter} MINVALUE 0 START 0")


def _written(
    engine: Engine,
    relation: Relation,
    names: Sequence[str],
    plans: Sequence[Plan],
    start: float,
    said: Mapping[int, Sequence[str]],
) -> Loaded:
    """One pass.  Raises ``_Misfit`` when a text does not fit its plan and nothing was sent."""
    missing = [i for i, plan in enumerate(plans) if plan.type != "VARCHAR" and (plan.na or plan.trim)]
    _count_from_nothing(engine, (_MISFITS, *map(_missing, missing), *map(_called, said)))
    group = row_group_size(len(names), relation.memory // max(1, relation.rows or 1), engine.memory)
    try:
        with relation.open() as source:
            kinds = [row[1] for row in engine.rows(f"DESCRIBE {_checked(source, plans, names, relation.underscores)}")]
        with relation.open() as source, engine.ticking(relation.rows or 0, relation.size, start):
            delivery = deliver(engine, _checked(source, plans, names, relation.underscores), group)
        _expect(relation, delivery.rows)
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, TakeSlowRoad) as error:
        if engine.outlet.begun:
            raise _again() from error
        if _counted(engine, _MISFITS):
            raise _Misfit from error
        raise
    columns = list(zip(names, kinds, strict=True))
    notes = _missing_notes(names, plans, {place: _counted(engine, _missing(place)) for place in missing})
    notes += _called_notes(names, {place: _counted(engine, _called(place)) for place in said})
    if not delivery.held:
        bare = [Profile(title, kind) for title, kind in columns]
        return Loaded(delivery.rows, _with_words(bare, plans), notes, profiled=False)
    profiles, sampled = profiling.of_file(engine, engine.held, columns, delivery.rows)
    send_held(engine)
    return Loaded(delivery.rows, _with_words(profiles, plans), notes + sampled)


def _again() -> IngestFault:
    return IngestFault(
        AGAIN,
        "Far down in the file a value does not fit what the rows before it suggest.",
        "Add the file again with the option exact: everything is proved before the first row is kept.",
    )


_MISFITS: Final = "misfits"


def _missing(place: int) -> str:
    return f"missing_{place}"


def _called(place: int) -> str:
    return f"called_{place}"


def _checked(source: str, plans: Sequence[Plan], names: Sequence[str], underscores: bool) -> str:
    """A query over ``source`` that gives the typed columns under their names.

    It fails at a text that does not fit, having counted it in the sequence of misfits; cells read as missing
    are counted in a sequence of their column.  Texts, values and checks are three layers, so that nothing is
    computed twice.
    """
    texts, values, outer = [], [], []
    for i, plan in enumerate(plans):
        counter = _missing(i) if plan.na or plan.trim else ""
        texts.append(f"{plan.text(f'c{i}', counter=counter)} AS t{i}")
        values.append(f"{plan.value(f't{i}')} AS v{i}")
        kept = f"v{i}"
        if plan.type != "VARCHAR" and not plan.proved:
            values.append(f"t{i}")
            misfit = plan.misfit(f"t{i}", value=f"v{i}", exact=False, underscores=underscores)
            kept = f"CASE WHEN {misfit} THEN error(nextval('{_MISFITS}')::VARCHAR) ELSE v{i} END"
        outer.append(f"{kept} AS {name(names[i])}")
    typed = f"SELECT {', '.join(values)} FROM (SELECT {', '.join(texts)} FROM {source})"
    return f"SELECT {', '.join(outer)} FROM ({typed})"


def _counted(engine: Engine, counter: str) -> int:
    """How often ``counter`` was drawn from."""
    last = engine.row(f"SELECT last_value FROM duckdb_sequences() WHERE sequence_name = {literal(counter)}")[0]
    return 0 if last is None else int(last) + 1


def _expect(relation: Relation, rows: int) -> None:
    if relation.rows is not None and rows != relation.rows:
        raise TakeSlowRoad(f"{rows} rows were read, {relation.rows} are there")


def _with_words(profiles: list[Profile], plans: Sequence[Plan]) -> list[Profile]:
    return [replace(p, words=plan.words) if plan.words else p for p, plan in zip(profiles, plans, strict=True)]


def _missing_notes(names: Sequence[str], plans: Sequence[Plan], counts: Mapping[int, int]) -> list[str]:
    notes = []
    for place, count in counts.items():
        if count:
            words = " or ".join(map(shown, plans[place].na)) or "only blanks"
            cells = "1 cell holds" if count == 1 else f"{count:,} cells hold"
            keep = f"--text {shlex.quote(names[place])} keeps the column as text"
            notes.append(f"Column {shown(names[place])}: {cells} {words}, read as NULL ({keep}).")
    return notes


def _called_notes(names: Sequence[str], counts: Mapping[int, int]) -> list[str]:
    notes = []
    for place, count in counts.items():
        cells = "1 cell was" if count == 1 else f"{count:,} cells were"
        notes.append(f"Column {shown(names[place])}: {cells} read as NULL, as --null says.")
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
    engine: Engine,
    relation: Relation,
    names: Sequence[str],
    plans: list[Plan],
    notes: list[str],
    *,
    only_doubt: bool,
) -> list[Plan]:
    """Plans that every text fits, found by looking at all texts of the columns in question.

    Raises ``TakeSlowRoad`` when not as many rows are read as there must be.
    """
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
    """Those columns in which the cheap check finds a text that may not fit.  Also counts the rows."""
    texts = ", ".join(["c0", *(f"{plans[i].text(f'c{i}')} AS t{i}" for i in places)])
    values = ", ".join(["c0", *(f"t{i}, {plans[i].value(f't{i}')} AS v{i}" for i in places)])
    checks = [plans[i].misfit(f"t{i}", value=f"v{i}", exact=False, underscores=relation.underscores) for i in places]
    with relation.open() as source:
        wanted = ", ".join(["count(*)", *(f"count_if({check})" for check in checks)])
        rows, *counts = engine.row(f"SELECT {wanted} FROM (SELECT {values} FROM (SELECT {texts} FROM {source}))")
    _expect(relation, rows)
    return {place for place, count in zip(places, counts, strict=True) if count}


def _look(engine: Engine, relation: Relation, plans: Sequence[Plan], places: Sequence[int]) -> list[_Column]:
    wanted, layer = [], ["row_number() OVER () AS r"]
    words = ", ".join(literal(word) for word in NA_WORDS)
    for place in places:
        layer += [f"c{place}", f"trim(c{place}) AS b{place}"]
        layer.append(
            f"CASE WHEN strlen(b{place}) <= {LONGEST} THEN list_position([{words}], b{place})::INTEGER END AS w{place}"
        )
        layer.append(f"CASE WHEN w{place} IS NULL AND b{place} <> '' THEN b{place} END AS t{place}")
        wanted.append(
            # The words as bits: a list of distinct ones makes the engine keep the whole column.
            f"bit_or(1::UBIGINT << (w{place} - 1)), coalesce(bool_or(b{place} <> c{place}), false), count(t{place})"
        )
        for number, plan in enumerate(ladder(plans[place])):
            misfit = f"m{place}_{number}"
            layer.append(f"{plan.misfit(f't{place}', exact=True)} AS {misfit}")
            wanted.append(f"count_if({misfit}), min(r) FILTER ({misfit}), arg_min(c{place}, r) FILTER ({misfit})")
    with relation.open() as source:
        found = iter(engine.row(f"SELECT {', '.join(wanted)} FROM (SELECT {', '.join(layer)} FROM {source})"))
    columns = []
    for place in places:
        missing, blanks, filled = next(found), next(found), next(found)
        looks = tuple(_Look(plan, next(found), next(found), next(found)) for plan in ladder(plans[place]))
        present = tuple(word for bit, word in enumerate(NA_WORDS) if (missing or 0) >> bit & 1)
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
