"""Linking: which columns, values and tables the words of a question may stand for.

Pure.  Every link has a cost: 0 for the very name, more for each step away from it.  Nothing is linked
by similarity: a word that merely looks like a name is a word that is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from . import lexicon, thesaurus
from .naming import NO_PARTIAL_HEADS, SMALL_WORDS, column_cost, core, equal, expands, vocabulary
from .schema import Column, Table
from .words import Token, forms, key, pieces, same

LONGEST: Final = 9
"""Tokens that one name or value may span."""

_COLLECTIONS: Final = ("place", "data", "dataset", "list", "base", "records", "table", "file")


class ColumnLink(NamedTuple):
    end: int
    column: Column
    cost: int


class ValueLink(NamedTuple):
    """``named``: the word is so common or short that it counts only beside its column's name."""

    end: int
    column: Column
    value: str
    cost: int
    named: bool


Nouns = tuple[tuple[tuple[str, ...], int], ...]
"""Words for rows, each with what it costs to mean them by it."""


@dataclass(frozen=True, slots=True)
class Index:
    """What of a table can be looked up without any question: texts by their ``key``, columns by each word of
    their names, and what rows are called."""

    values: Mapping[str, tuple[tuple[Column, str], ...]]
    columns: Mapping[str, frozenset[int]]
    nouns: Nouns
    identifiers: tuple[Column, ...]
    daily: bool
    """Whether each row has a day of its own."""
    people: bool
    """Whether each row has a key of a person."""

    def likely(self, said: tuple[str, ...]) -> Iterator[int]:
        """Places of the columns whose names share a word with ``said``: what need not be compared in full."""
        joined = "".join(said)
        front = joined[: len(joined) - len(said[-1])] if said else ""
        found = {form for piece in said for form in forms(piece)} | {front + form for form in forms(said[-1])}
        yield from sorted({place for form in found for place in self.columns.get(form, ())})


@lru_cache(maxsize=64)
def index_of(table: Table) -> Index:
    values: dict[str, list[tuple[Column, str]]] = {}
    columns: dict[str, set[int]] = {}
    for place, column in enumerate(table.columns):
        for value in column.values if column.kind == "text" else ():
            for said in (value, *_spoken_of(column, value)):
                values.setdefault(key(said), []).append((column, value))
        for word in vocabulary(column.pieces):
            columns.setdefault(word, set()).add(place)
    return Index(
        {text: tuple(found) for text, found in values.items()},
        {word: frozenset(places) for word, places in columns.items()},
        _with_families(
            table_nouns(table.name) + _told_by_columns(table) + tuple((pieces(word), 0) for word in table.synonyms)
        ),
        tuple(c for c in table.columns if len(c.pieces) > 1 and c.pieces[-1] == "id"),
        any(c.type.upper() == "DATE" and table.unique(c) is True for c in table.columns),
        any(c.pieces[-1] == "id" and {*c.pieces} & lexicon.PEOPLE and table.unique(c) for c in table.columns),
    )


def _spoken_of(column: Column, value: str) -> tuple[str, ...]:
    """What else a value is called: ``F`` of a column ``sex`` stands for women."""
    for heads, called in thesaurus.VALUES.items():
        if column.pieces[-1] in heads and column.complete:
            return tuple(word for word in called.get(value.lower(), ()) if word != value.lower())
    return ()


def _told_by_columns(table: Table) -> Nouns:
    """The last word of a name that is written as one: the rows of ``countrylanguage`` with the columns ``CountryCode``
    and ``Language`` are languages."""
    whole = table.name.lower()
    words = {piece for column in table.columns for piece in column.pieces}
    return tuple(
        (column.pieces, 1)
        for column in table.columns
        if len(column.pieces) == 1 and whole.endswith(column.pieces) and whole.removesuffix(column.pieces[0]) in words
    )


def _with_families(nouns: Nouns) -> Nouns:
    """The nouns, and the other words of their families."""
    known = {form for words, _ in nouns if len(words) == 1 for form in forms(words[0])}
    more = {word for family in thesaurus.NOUNS if family & known for word in family - known}
    if known & lexicon.PEOPLE:
        more |= {"people", "individuals"} - known
    return nouns + tuple((pieces(word), 1) for word in sorted(more))


class Linker:
    """The links of one question to one table."""

    def __init__(self, table: Table, tokens: Sequence[Token]) -> None:
        self.table = table
        self.tokens = tokens
        self._index = index_of(table)
        self._nouns = self._index.nouns
        self._synonymous = [column for column in table.columns if column.synonyms]
        self._columns_at: dict[int, list[ColumnLink]] = {}
        self._values_at: dict[int, list[ValueLink]] = {}
        self._entities_at: dict[int, list[tuple[int, int]]] = {}
        self._identifiers_at: dict[int, list[ColumnLink]] = {}
        self._said: dict[tuple[int, int], tuple[str, ...]] = {}

    def is_noun(self, words: tuple[str, ...]) -> bool:
        """Whether ``words`` are what the table's rows are called."""
        return any(len(words) == len(noun) and all(map(same, words, noun)) for noun, _ in self._nouns)

    def nouns(self) -> frozenset[str]:
        """Every word of the nouns, in all its forms."""
        return frozenset(form for words, _ in self._nouns for word in words for form in forms(word))

    def columns(self, start: int) -> list[ColumnLink]:
        """All columns that words from ``start`` on may name."""
        if start not in self._columns_at:
            self._columns_at[start] = list(self._find_columns(start))
        return self._columns_at[start]

    def values(self, start: int) -> list[ValueLink]:
        if start not in self._values_at:
            self._values_at[start] = list(self._find_values(start))
        return self._values_at[start]

    def entity(self, start: int) -> list[tuple[int, int]]:
        """Where a noun for the table's rows ends, with its cost."""
        if start not in self._entities_at:
            self._entities_at[start] = self._find_entities(start)
        return self._entities_at[start]

    def _find_entities(self, start: int) -> list[tuple[int, int]]:
        found = []
        for end, span in self._spans(start, 4):
            words = " ".join(token.norm for token in span)
            if words in lexicon.ROWS:
                found.append((end, 0))
            said = _pieces_of(span)
            for noun, cost in self._nouns:
                if len(said) != len(noun):  # "high schoolers" of ``highschooler``
                    called = equal(said, noun)
                else:
                    called = said[:-1] == noun[:-1] and same(said[-1], noun[-1])
                if called:
                    found.append((end, cost))
        if self._index.daily and start < len(self.tokens) and self.tokens[start].norm in ("day", "days"):
            found.append((start + 1, 1))
        if self._index.people and start < len(self.tokens) and self.tokens[start].norm in ("people", "individuals"):
            found.append((start + 1, 2))
        # Where each row has its own passenger_id, the rows are passengers; not where it has nothing but identifiers.
        if any(column not in self._index.identifiers for column in self.table.columns):
            found += [(link.end, 1) for link in self.identifiers(start) if self.table.unique(link.column) is True]
        return found

    def table_name(self, start: int) -> list[int]:
        return [
            end for end, span in self._spans(start, 6) if key("".join(t.text for t in span)) == key(self.table.name)
        ]

    def identifiers(self, start: int) -> list[ColumnLink]:
        """Columns such as ``customer_id`` for the noun "customers"."""
        if start not in self._identifiers_at:
            self._identifiers_at[start] = self._find_identifiers(start)
        return self._identifiers_at[start]

    def _find_identifiers(self, start: int) -> list[ColumnLink]:
        found = []
        for end, span in self._spans(start, 3):
            said = _pieces_of(span)
            for column in self._index.identifiers:
                named = column.pieces[:-1]
                if equal(said, named) or expands(said, named):
                    found.append(ColumnLink(end, column, 1))
        return found

    def touches(self, position: int) -> bool:
        """Whether any link covers the token at ``position``."""
        for start in range(max(0, position - LONGEST + 1), position + 1):
            ends = [link.end for link in self.columns(start)] + [link.end for link in self.values(start)]
            ends += [end for end, _ in self.entity(start)] + [link.end for link in self.identifiers(start)]
            ends += self.table_name(start)
            if any(end > position for end in ends):
                return True
        return False

    def _spans(self, start: int, longest: int = LONGEST) -> Iterator[tuple[int, Sequence[Token]]]:
        for end in range(start + 1, min(len(self.tokens), start + longest) + 1):
            last = self.tokens[end - 1]
            if last.kind == "operator" or (last.kind == "mark" and last.norm != "."):
                return
            if last.kind == "mark":
                continue  # "Resp. ID"
            if last.kind == "quoted" and end > start + 1:
                return
            yield end, self.tokens[start:end]
            if last.kind == "quoted":
                return

    def _find_columns(self, start: int) -> Iterator[ColumnLink]:
        for end, span in self._spans(start, 7):
            if all(token.kind in ("number", "date") for token in span) or span[-1].norm in SMALL_WORDS:
                continue
            said = _pieces_of(span)
            likely = [self.table.columns[place] for place in self._index.likely(said)] if said else []
            found = [(column, column_cost(said, column, self._nouns)) for column in likely]
            named = [(column, cost) for column, cost in found if cost is not None]
            for column in self._synonymous:
                if any(equal(said, pieces(synonym)) for synonym in column.synonyms):
                    named.append((column, 0))
            yield from (ColumnLink(end, column, cost) for column, cost in named)
            if not named and len(said) == 1 and said[0] not in NO_PARTIAL_HEADS:
                heads = [c for c in self.table.columns if c.kind == "number" and same(said[0], core(c)[-1])]
                if len(heads) == 1 and len(core(heads[0])) > 1:  # "price" where there is one price
                    yield ColumnLink(end, heads[0], 4)

    def _find_values(self, start: int) -> Iterator[ValueLink]:
        for end, span in self._spans(start):
            quoted = span[0].kind == "quoted"
            text = " ".join(token.text for token in span)
            joined = key(text)
            if not joined:
                continue
            candidates = [(found, 0) for found in self._index.values.get(joined, ())]
            last = key(span[-1].text)
            if not quoted and len(last) >= 4:
                head = joined[: len(joined) - len(last)]
                candidates += [
                    (found, 1) for form in forms(last) - {last} for found in self._index.values.get(head + form, ())
                ]
            if len(span) == 1 and span[0].kind == "word" and self._after_did(start):
                candidates += [
                    (found, 1) for end_ in ("ed", "d") for found in self._index.values.get(joined + end_, ())
                ]
            exact = {column.name for (column, value), _ in candidates if value == text}
            for (column, value), cost in candidates:
                if column.name in exact and value != text:
                    continue  # written exactly like one of several texts that differ in case or marks
                yield ValueLink(end, column, value, cost, not quoted and self._weak(span, value, column))

    def _after_did(self, at: int) -> bool:
        """ "Did not finish", "who did finish": the verb of a value "finished"."""
        before = [self.tokens[place].norm for place in range(max(0, at - 2), at)]
        return before[-1:] in (["did"], ["does"], ["do"]) or (
            before[-1:] == ["not"] and before[0] in ("did", "does", "do")
        )

    def _weak(self, span: Sequence[Token], value: str, column: Column) -> bool:
        said = span[0].norm if len(span) == 1 else ""
        if said and said in _spoken_of(column, value):
            return False
        if len(key(value)) == 1 or column.switch is not None:
            return True
        if len(span) > 1 and re.findall(r"\w+", value) == [token.text for token in span]:
            return False  # a season "2022/23"
        if all(token.kind in ("number", "date") or token.number is not None for token in span):
            return True
        if len(span) > 1 or span[0].norm not in lexicon.COMMON_WORDS:
            return False
        return span[0].text != value or value == value.lower()


def _pieces_of(span: Sequence[Token]) -> tuple[str, ...]:
    if len(span) == 1 and span[0].kind != "mark":
        return pieces(span[0].text) or (span[0].norm,)
    words = [token for token in span if token.kind != "mark"]
    return tuple(piece for token in words for piece in (pieces(token.text) or (token.norm,)))


def table_nouns(name: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    """What the rows of a table of that name are called: the name itself, and its last word."""
    whole = pieces(name)
    words = tuple(p for p in whole if not p.isdigit() and p not in lexicon.GENERIC_TABLE_PIECES)
    if not words:
        return ()
    if words != whole:  # "penguins" for penguins_raw, but sooner for a table of just that name
        return tuple((noun, 1) for noun in dict.fromkeys((words, words[-1:])))
    for ending in _COLLECTIONS:
        if len(words) == 1 and words[0].endswith(ending) and len(words[0]) >= len(ending) + 4:
            return ((words, 0), ((words[0].removesuffix(ending),), 1))
    return ((words, 0),) if len(words) == 1 else ((words, 0), (words[-1:], 1))
