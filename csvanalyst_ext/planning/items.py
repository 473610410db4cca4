"""What a question asks to see: columns and measures, joined by "and" or commas.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .counting import called_by_function
from .naming import column_cost
from .queries import ColumnItem, Item, Queries
from .query import Calc
from .spoken import Measure
from .words import is_plural

_ITEM_JOINTS: Final = (
    "and",
    ",",
    ", and",
    "as well as",
    ", as well as",
    "along with",
    "together with",
    "and also",
    ", along with",
    "with",
)
OF: Final = (
    "of",
    "of the",
    "for",
    "from",
    "of all",
    "of all the",
    "for all",
    "for the",
    "from the",
    "about",
    "in",
    "of each",
    "for each",
    "for every",
    "of every",
    "about all",
    "from all",
    "by",
    "by the",
    "on",
    "among",
    "among all",
    "across all",
    "for any",
    "of any",
    "of those",
    "for those",
    "of these",
)
_MOST_ITEMS: Final = 6
_KINDS: Final = tuple(f"{kind} of" for kind in ("kinds", "types", "sorts", "different kinds", "different types"))


class Items(Queries):
    """Rules for lists of what is shown."""

    def items(self, at: int) -> list[tuple[int, tuple[Item, ...], int]]:
        return self._once(("items", at), lambda: self._items(at))  # type: ignore[return-value]

    def _items(self, at: int) -> Iterator[tuple[int, tuple[Item, ...], int]]:
        for end, item, cost in self._item(at):
            yield end, (item,), cost
            for joint, first in self._joints_after(end, item):
                doubt = int(self.norm(joint - 1) == "with")  # "with a capacity below …" is sooner a condition
                for last, others, more in self.items(joint):
                    if doubt and (self.entities(last) or self._refers(others[0], last)):
                        continue  # "with host cities having …": the cities are not shown, but have something
                    if len(others) < _MOST_ITEMS and first not in others:
                        yield last, (first, *others), cost + more + doubt

    def _refers(self, item: Item, end: int) -> bool:
        """Whether the item is the rows that a key refers to, and not the key."""
        keys = isinstance(item, ColumnItem) and all(column.lower().endswith("id") for _, column, _ in item.choices)
        return keys and self.norm(end - 1) not in ("id", "ids")

    def _joints_after(self, at: int, item: Item) -> Iterator[tuple[int, Item]]:
        """Where the next item starts, also after "for all concerts" or "of each stadium": then the item is theirs."""
        for joint, _ in self.phrase(at, _ITEM_JOINTS):
            yield joint, item
        if isinstance(item, ColumnItem):
            for start, _word in self.phrase(at, OF):
                for name, end, _ in self.entities(start):
                    own = tuple(choice for choice in item.choices if choice[0] == name)
                    for joint, _ in self.phrase(end, _ITEM_JOINTS) if own else ():
                        yield joint, replace(item, choices=own)

    def _item(self, at: int) -> Iterator[tuple[int, Item, int]]:
        for start in self.articles(at):
            for distinct in self.skip(start, (*lexicon.DISTINCT, *_KINDS)):
                by_end: dict[int, list[tuple[str, str, int]]] = {}
                for end, name, column, cost in self.columns(distinct):
                    by_end.setdefault(end, []).append((name, column.name, cost))
                for end in (e for e, _ in self.phrase(distinct, ("name", "names"))):
                    # "the names of airlines" whose column is called Airline
                    for name, table in self.graph.tables.items():
                        label = self.labels(name)
                        told = len(label) == 1 and table.column(label[0][1]).kind == "text"
                        if told and not any(c.pieces[-1] in lexicon.NAMES for c in table.columns):
                            by_end.setdefault(end, []).append((*label[0], 2))
                for end, choices in by_end.items():
                    plural = self._plural(distinct, end)
                    calculated = not plural and any(
                        called_by_function(self.graph.tables[name].column(column), self.norm(distinct))
                        for name, column, _ in choices
                    )
                    for last in self.skip(end, ("value", "values")):
                        yield last, ColumnItem(tuple(choices), distinct > start, plural, calculated), 0
        for end, measure, cost in self.measured(at):
            yield end, measure, cost
        # "first and last name"
        for start in self.articles(at):
            if self.norm(start + 1) == "and" and self.norm(start + 3):
                head = self.norm(start + 3)
                for name, table in self.graph.tables.items():
                    pair = []
                    for word in (self.norm(start), self.norm(start + 2)):
                        fitting = [
                            c
                            for c in table.columns
                            if (column_cost((word, head), c) or 0) == 0 and column_cost((word, head), c) is not None
                        ]
                        pair += fitting[:1]
                    if len(pair) == 2 and pair[0] != pair[1]:
                        both = tuple(ColumnItem(((name, c.name, 0),)) for c in pair)
                        yield start + 4, _Several(both), 0  # type: ignore[misc]
        # "average, minimum and maximum age"
        for start in self.articles(at):
            for end, word in self.phrase(start, lexicon.AGGREGATES):
                function = lexicon.AGGREGATES[word]
                for joint, _ in self.phrase(end, ("and", ",", ", and", "and the", ", the")):
                    for last, others, cost in self.items(joint):
                        first = next(flatten(others))
                        if (
                            isinstance(first, Measure)
                            and first.calc.field is not None
                            and first.calc.function != function
                        ):
                            shared = Measure(first.table, Calc(function, first.calc.field))
                            yield last, _Several((shared, *others)), cost  # type: ignore[misc]

    def _plural(self, start: int, end: int) -> bool:
        """Whether several values are asked for: "kinds of engine", "engines"."""
        return is_plural(self.norm(end - 1)) or (self.norm(start - 1) == "of" and is_plural(self.norm(start - 2)))


@dataclass(frozen=True, slots=True)
class _Several:
    items: tuple[Item, ...]


def flatten(items: Sequence[object]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, _Several):
            yield from flatten(item.items)
        else:
            yield item  # type: ignore[misc]
