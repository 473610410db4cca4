"""How tables belong together: keys, references and the ways from one table to another.  Pure.

A reference is many-to-one: each row of the source has at most one row of the target.  Declared references
(of a dictionary) count first; else they are found by name, type and the uniqueness that the profile reports.
The planner's questions and the joins of plans that name no columns both take them from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Final

from . import lexicon
from .link import table_nouns
from .schema import EXACT_DISTINCT, Column, Table
from .words import forms, key, same

_KEY_WORDS: Final = frozenset({"id", "ids", "code", "key", "no", "num", "number", "nr", "uid", "uuid", "name", "sku"})
_GENERIC: Final = frozenset({
    "id", "code", "name", "key", "no", "number", "year", "date", "month", "day", "title", "type", "status", "index",
    "rank", "value", "amount", "price", "age", "time", "description", "city", "country", "state", "location", "email",
})  # fmt: skip
"""Names that say nothing about what they refer to, even where two tables share them."""
_SELF: Final = frozenset({"manager", "supervisor", "boss", "parent", "reports", "reportsto", "mentor", "lead"})
IRREGULAR: Final = frozenset(
    {"lost", "won", "sold", "bought", "led", "held", "built", "sent", "made", "paid", "born", "sung"}
)
MOST_STEPS: Final = 4
_MOST_KEYS: Final = 40
"""Columns of a table that others may refer to, where nothing is declared: the time grows with them and all columns."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``columns`` of ``source`` refer to ``keys`` of ``target``, pairwise."""

    source: str
    columns: tuple[str, ...]
    target: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One edge: ``up`` from the many to the one, else down."""

    edge: Edge
    up: bool

    @property
    def end(self) -> str:
        return self.edge.target if self.up else self.edge.source


Path = tuple[Step, ...]


class Graph:
    """The tables of one question and their references.  ``declared`` are the edges that dictionaries state;
    ``partial`` are references by name of which some values lead nowhere: too little for a question, not for a plan
    that says which tables to join."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self.declared = tuple(dict.fromkeys(_declared(tables)))
        alone = {(e.source, e.columns[0]) for e in self.declared if len(e.columns) == 1}
        part = {(e.source, column, e.target) for e in self.declared for column in e.columns}
        part |= {(e.target, key, e.source) for e in self.declared for key in e.keys}
        found = [
            (e, sure)
            for e, sure in _discover(tables)
            if (e.source, e.columns[0]) not in alone and (e.source, e.columns[0], e.target) not in part
        ]
        self.edges = tuple(dict.fromkeys((*self.declared, *(e for e, sure in found if sure))))
        self.partial = tuple(e for e, sure in found if not sure)
        self._steps = {name: tuple(self._find_steps(name)) for name in self.tables}
        self._ups: dict[tuple[str, int], tuple[tuple[Path, str], ...]] = {}

    def refers(self, table: str, column: str) -> bool:
        """Whether the column alone is a reference to another table."""
        return any(e.source == table and e.columns == (column,) and e.target != table for e in self.edges)

    @cached_property
    def reference_words(self) -> frozenset[str]:
        """The words of references that are not names: ``lost`` of ``lost_in_battle``."""
        found = set()
        for edge in self.edges:
            nouns = {form for words, _ in table_nouns(edge.target) for word in words for form in forms(word)}
            for column in edge.columns:
                found |= {
                    p for p in self.tables[edge.source].column(column).pieces if p.endswith("ed") or p in IRREGULAR
                }
            found -= nouns
        return frozenset(found)

    def is_a(self, step: Step) -> bool:
        """Whether each row of the source is a row of the target in another role: no two refer to the same one, as
        poker players are people."""
        return step.edge.source != step.edge.target and self.repeats(step.edge.source, step.edge.columns) is False

    @cached_property
    def bridges(self) -> frozenset[str]:
        """Tables that do little but connect others."""
        found = set()
        for table in self.tables.values():
            out = [e for e in self.edges if e.source == table.name]
            into = [e for e in self.edges if e.target == table.name]
            if len({e.target for e in out}) >= 2 and not into:
                found.add(table.name)
        return frozenset(found)

    def steps(self, name: str) -> tuple[Step, ...]:
        return self._steps[name]

    def _find_steps(self, name: str) -> Iterator[Step]:
        for edge in self.edges:
            if edge.source == name:
                yield Step(edge, True)
            if edge.target == name:
                yield Step(edge, False)

    def ups(self, name: str, most: int = 3) -> tuple[tuple[Path, str], ...]:
        """Every table that is reached by references alone, with the way; the table itself first."""
        if (name, most) not in self._ups:
            self._ups[name, most] = tuple(self._find_ups(name, most))
        return self._ups[name, most]

    def _find_ups(self, name: str, most: int) -> Iterator[tuple[Path, str]]:
        ways: list[tuple[Path, str]] = [((), name)]
        while ways:
            path, at = ways.pop(0)
            yield path, at
            seen = {name, *(step.end for step in path)}
            if len(path) < most:
                ways += [((*path, s), s.end) for s in self.steps(at) if s.up and s.end not in seen]

    def ways(self, start: str, end: str) -> list[Path]:
        """The shortest ways; those that go up only count as shorter than others of the same length."""
        if start == end:
            return [((Step(e, up)),) for e in self.edges if e.source == e.target == start for up in (True, False)]
        found: list[Path] = []
        ways: list[Path] = [()]
        while ways and not found:
            longer: list[Path] = []
            for path in ways:
                at = path[-1].end if path else start
                seen = {start, *(step.end for step in path)}
                for step in self.steps(at):
                    if step.end in seen:
                        continue
                    if path and path[-1].up and not step.up:
                        continue  # two rows of one parent: siblings are no relation
                    (found if step.end == end else longer).append((*path, step))
            ways = longer if longer and len(longer[0]) < MOST_STEPS else []
        straight = [path for path in found if all(step.up for step in path)]
        return straight or found

    def below(self, names: Iterable[str]) -> list[str]:
        """The tables from which all of ``names`` are reached by references, nearest first."""
        wanted = set(names)
        found = []
        for name in self.tables:
            reached = {end: len(path) for path, end in reversed(list(self.ups(name)))}
            if wanted <= reached.keys():
                found.append((sum(reached[n] for n in wanted), name))
        least = min((cost for cost, _ in found), default=0)
        return [name for cost, name in sorted(found) if cost == least]

    def joins(self, one: str, other: str) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The ways to join two tables: each is pairs of a column of ``one`` and a column of ``other``."""
        return self._joins(one, other, self.edges) or self._joins(one, other, self.partial)

    def _joins(self, one: str, other: str, edges: Iterable[Edge]) -> tuple[tuple[tuple[str, str], ...], ...]:
        found: dict[frozenset[tuple[str, str]], tuple[tuple[str, str], ...]] = {}
        for edge in edges:
            pairs = tuple(zip(edge.columns, edge.keys, strict=True))
            if (edge.source, edge.target) == (one, other):
                found.setdefault(frozenset(pairs), pairs)
            elif (edge.target, edge.source) == (one, other):
                pairs = tuple((key, column) for column, key in pairs)
                found.setdefault(frozenset(pairs), pairs)
        return tuple(found.values())

    def repeats(self, name: str, columns: Sequence[str]) -> bool | None:
        """Whether several rows of a table share the values of ``columns``; ``None`` when nothing says."""
        table, asked = self.tables[name], set(columns)
        if (known := table.repeats(columns)) is not None:
            return known
        if table.key and asked >= set(table.key):
            return False
        if any(edge.target == name and asked >= set(edge.keys) for edge in self.declared):
            return False
        return True if any(edge.source == name and set(edge.columns) == asked for edge in self.declared) else None

    def key(self, name: str) -> tuple[str, ...]:
        """The columns that tell the rows of a table apart, if they are known."""
        if self.tables[name].key:
            return self.tables[name].key
        referred = [e.keys for e in self.edges if e.target == name]
        if referred:
            return referred[0]
        table = self.tables[name]
        return next(((c.name,) for c in table.columns if table.unique(c) is True and c.pieces[-1] in _KEY_WORDS), ())


@lru_cache(maxsize=16)
def graph_of(tables: tuple[Table, ...]) -> Graph:
    """The graph of a schema, found once for all questions about it."""
    return Graph(tables)


def comparable(one: Column, other: Column) -> bool:
    """Whether values of these columns can be equal."""
    return one.kind == other.kind and one.kind in ("number", "text", "date")


def _declared(tables: Sequence[Table]) -> Iterator[Edge]:
    """The references of dictionaries, as far as both sides are there and the profile does not know better."""
    for source in tables:
        for columns, said, keys in source.references:
            for target in (t for t in tables if t.name.casefold() == said.casefold()):
                own = {column.name: column for column in source.columns}
                theirs = {column.name: column for column in target.columns}
                pairs = [(own.get(c), theirs.get(k)) for c, k in zip(columns, keys, strict=False)]
                fits = len(columns) == len(keys) and all(a and b and comparable(a, b) for a, b in pairs)
                if fits and not target.repeats(keys):
                    yield Edge(source.name, columns, target.name, keys)


def _discover(tables: Sequence[Table]) -> Iterator[tuple[Edge, bool]]:
    """The references that names and profiles tell of, and whether all values can be those of a key."""
    nouns = {t.name: [words for words, _ in table_nouns(t.name)] for t in tables}
    keys = {t.name: list(islice((c for c in t.columns if _is_key(t, c, nouns[t.name])), _MOST_KEYS)) for t in tables}
    for source in tables:
        for column in source.columns:
            if column.kind not in ("number", "text") or (column.kind == "number" and not column.integer):
                continue
            scored: dict[bool, list[tuple[int, Edge]]] = {True: [], False: []}
            for target in tables:
                for other in keys[target.name]:
                    if (source.name, column.name) == (target.name, other.name) or not _same_kind(column, other):
                        continue
                    score = _score(source, column, target, other, nouns[target.name])
                    if score is not None:
                        edge = Edge(source.name, (column.name,), target.name, (other.name,))
                        scored[_contained(column, other)].append((score, edge))
            sure = bool(scored[True])
            best = min((score for score, _ in scored[sure]), default=0)
            nearest = [edge for score, edge in scored[sure] if score == best]
            for edge in nearest:
                mirrored = len(nearest) == 1 and source.unique(column) is True and _owns(source, column, nouns)
                if not mirrored:
                    yield edge, sure


def _owns(table: Table, column: Column, nouns: dict[str, list[tuple[str, ...]]]) -> bool:
    """Whether a unique column is the table's own key rather than a reference."""
    first = table.columns[0].name == column.name
    named = [p for p in column.pieces if p not in _KEY_WORDS]
    ours = any(len(named) == len(noun) and all(map(same, named, noun)) for noun in nouns[table.name])
    return first and (ours or not named)


def _is_key(table: Table, column: Column, nouns: Sequence[tuple[str, ...]]) -> bool:
    if column.kind not in ("number", "text") or (column.kind == "number" and not column.integer) or column.nulls:
        return False
    named = column.pieces[-1] in _KEY_WORDS or column.name.lower().endswith(("id", "code"))
    called = any(len(column.pieces) == len(noun) and all(map(same, column.pieces, noun)) for noun in nouns)
    first = table.columns[0].name == column.name
    unique = table.unique(column)
    if unique is None and table.rows > EXACT_DISTINCT:
        return named and column.distinct >= 0.95 * table.rows
    return bool(unique) and (named or called or first)


def _same_kind(one: Column, other: Column) -> bool:
    return one.kind == other.kind


def _score(source: Table, column: Column, target: Table, other: Column, nouns: Sequence[tuple[str, ...]]) -> int | None:
    """How surely ``column`` refers to ``other``; less is surer, ``None`` is not at all."""
    said, named = column.pieces, other.pieces
    keyed = named[-1] in _KEY_WORDS or other.name.lower().endswith(("id", "code"))
    joined = key(column.name)
    for noun in nouns:
        whole = "".join(noun)
        forms = {whole, whole.removesuffix("s"), whole[:-3] + "y" if whole.endswith("ies") else whole}
        for form in forms:
            if source.name != target.name and joined in {
                *(form + word for word in _KEY_WORDS if named[-1] == word), form + key(other.name),
            }:  # fmt: skip
                return 0
    if source.name != target.name and joined == key(other.name) and any(same(joined, "".join(noun)) for noun in nouns):
        return 1
    if source.name != target.name and joined == key(other.name) and joined not in _GENERIC:
        ours = any(same(piece, noun[-1]) for noun in nouns for piece in said)
        return 1 if ours else 2
    if not keyed or named[-1] == "name":
        return None
    core = tuple(p for p in said if p not in _KEY_WORDS)
    for noun in nouns:
        if source.name != target.name and len(core) == len(noun) and all(map(same, core, noun)):
            return 3
        if core and same(core[-1], noun[-1]) and (said[-1] in _KEY_WORDS or _proven(column, other)):
            return 4
        if core and said[-1] in _KEY_WORDS and set(lexicon.ABBREVIATIONS.get(core[-1], ())) & {noun[-1]}:
            return 4
    if source.name == target.name and core and set(core) & _SELF and said != named:
        return 5
    return None


def _proven(column: Column, other: Column) -> bool:
    """Whether all texts of ``column`` are known to be texts of ``other``."""
    return column.kind == "text" and column.complete and other.complete and set(column.values) <= set(other.values)


def _contained(column: Column, other: Column) -> bool:
    """Whether the profile allows that the values of ``column`` are among those of ``other``."""
    if column.kind == "number":
        if None in (column.minimum, column.maximum, other.minimum, other.maximum):
            return True  # the result of another plan has no profile
        try:
            return float(other.minimum or "") <= float(column.minimum or "") and float(column.maximum or "") <= float(
                other.maximum or ""
            )
        except ValueError:
            return False
    if column.complete and other.complete:
        held = set(other.values)
        return bool(column.values) and sum(v in held for v in column.values) * 2 >= len(column.values)
    return True
