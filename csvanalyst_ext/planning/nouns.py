"""Names and nouns over several tables: which columns and rows the words of a question may stand for.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from . import lexicon, relations
from .graph import Graph, Path
from .plan import Filter
from .query import (
    Test,
)
from .schema import Column
from .sentences import Sentences
from .spoken import Mods, Noun, Phrase
from .words import Token, forms, is_plural, key


class Nouns:
    """The rules for names, for one question and several tables."""

    def __init__(self, graph: Graph, words: tuple[Token, ...], scopes: Mapping[str, Sentences] | None = None) -> None:
        self.graph = graph
        self.tokens = words
        self.size = len(words)
        self.scopes = dict(scopes or {name: Sentences(table, words) for name, table in graph.tables.items()})
        self.any = next(iter(self.scopes.values()))
        self._memo: dict[tuple[object, ...], list[object]] = {}

    def norm(self, at: int) -> str:
        return self.any.norm(at)

    def phrase(self, at: int, phrases: Iterable[str]) -> Iterator[tuple[int, str]]:
        return self.any.phrase(at, phrases)

    def skip(self, at: int, phrases: Iterable[str]) -> Iterator[int]:
        return self.any.skip(at, phrases)

    def articles(self, at: int) -> Iterator[int]:
        return self.skip(at, relations.DETERMINERS)

    def columns(self, at: int) -> list[tuple[int, str, Column, int]]:
        """Every column of every table that may be named at ``at``, also as "student name" and "name of student"
        said in front."""
        return self._once(("columns", at), lambda: self._columns(at))  # type: ignore[return-value]

    def _columns(self, at: int) -> Iterator[tuple[int, str, Column, int]]:
        for name, scope in self.scopes.items():
            for end, column, cost in scope.named(at):
                yield end, name, column, cost + (1 if cost else 0) + self._stands_for_row(name, column, end)
        for name, end, noun_cost in self.entities(at):
            for start in self.skip(end, ("'s", "s")):
                for last, column, cost in self.scopes[name].named(start):
                    yield last, name, column, cost + noun_cost + self._stands_for_row(name, column, last)
                if start > end and self.norm(start) in ("id", "ids", "code", "codes", "number", "numbers"):
                    yield from self._key_column(name, start)
            if self.norm(end) in ("id", "ids", "code", "codes", "number", "numbers"):
                yield from self._key_column(name, end)
        if self.norm(at) in ("id", "ids"):
            for name in self.graph.tables:
                yield from self._key_column(name, at)

    def _key_column(self, name: str, at: int) -> Iterator[tuple[int, str, Column, int]]:
        """ "The id of the students", whose key is called ``StuID``."""
        table = self.graph.tables[name]
        wanted = self.norm(at).removesuffix("s")
        for column in table.columns:
            if (
                (column.name,) == self.graph.key(name)
                and column.name.lower().endswith(wanted)
                and column.pieces != (wanted,)
            ):
                yield at + 1, name, column, 1

    def _stands_for_row(self, name: str, column: Column, end: int) -> int:
        """A reference is meant only where it is called an identifier: "the airline" is its name."""
        if self.norm(end - 1) in ("id", "ids", "code", "codes") or not self.graph.refers(name, column.name):
            return 0
        return 3

    def entities(self, at: int) -> list[tuple[str, int, int]]:
        """Tables whose rows are called what stands at ``at``; a table of just that name before one that ends so."""
        return self._once(("entities", at), lambda: self._entities(at))  # type: ignore[return-value]

    def _entities(self, at: int) -> Iterator[tuple[str, int, int]]:
        found = [(name, end, cost) for name, scope in self.scopes.items() for end, cost in scope.link.entity(at)]
        for name, end, cost in found:
            nearer = any(e == end and c < cost and n != name for n, e, c in found)
            if not nearer:
                yield name, end, cost

    def nouns(self, at: int) -> list[Noun]:
        """Nouns for rows, with values of their table (or of what it refers to) in front."""
        return self._once(("nouns", at), lambda: self._nouns(at))  # type: ignore[return-value]

    def _nouns(self, at: int) -> Iterator[Noun]:
        for start in self.articles(at):
            for name, scope in self.scopes.items():
                for end, meaning in scope.rows(start):
                    if not self._called(name, end):
                        continue
                    said = self.norm(end - 1)
                    generic = said in lexicon.ROWS and not forms(said) & scope.link.nouns()
                    if generic and len(self.scopes) > 1:
                        continue  # rows of which table?
                    where = tuple(Test(f) for f in meaning.filters)
                    yield Noun(end, name, where, meaning.cost + generic, is_plural(self.norm(end - 1)))
                people = self.norm(start) in ("people", "persons", "individuals") and self._called(name, start + 1)
                if people and lexicon.PEOPLE & scope.link.nouns():
                    yield Noun(start + 1, name, (), 2, True)
                for path, up in self.graph.ups(name):
                    if not path:
                        continue
                    for end, meaning in self.scopes[up].adjective(start):
                        for last, cost in scope.link.entity(end):
                            tests = tuple(Test(f, path) for f in meaning.filters)
                            yield Noun(
                                last, name, tests, meaning.cost + cost + 2 * len(path), is_plural(self.norm(last - 1))
                            )

    def _called(self, name: str, end: int) -> bool:
        """Whether the noun that ends at ``end`` is one for ``name``, and not rather for another table."""
        for start in range(max(0, end - 4), end):
            ending = [n for n, e, _ in self.entities(start) if e == end]
            if ending:
                return name in ending
        return True

    def value_nouns(self, at: int) -> Iterator[Noun]:
        """A value that stands for the rows that have it: "dogs"."""
        for start in self.articles(at):
            for name, scope in self.scopes.items():
                for link in scope.link.values(start):
                    if not link.named and link.column.kind == "text":
                        test = Test(Filter(link.column.name, "=", (link.value,)))
                        yield Noun(link.end, name, (test,), link.cost + 2, is_plural(self.norm(link.end - 1)))

    def labels(self, table: str) -> tuple[tuple[str, str], ...]:
        """What names a row of ``table`` for a reader."""
        scope = self.scopes[table]
        texts = [c for c in scope.table.columns if c.kind == "text"]
        parts = [c for c in texts if key(c.name) in ("firstname", "lastname", "fname", "lname", "forename", "surname")]
        if len(parts) == 2:
            return tuple((table, c.name) for c in parts)
        named = scope.labels()
        if named:
            return ((table, named[0].name),)
        nouns = scope.link.nouns()
        whole = [
            c
            for c in texts
            if (c.pieces[-1] in lexicon.NAMES and (len(c.pieces) == 1 or c.pieces[0] in nouns))
            or (len(c.pieces) == 1 and c.pieces[0] in nouns)
        ]
        if whole:
            return ((table, whole[0].name),)
        loose = [c for c in texts if c.pieces[-1] in ("name", "title") or c.name.lower().endswith("name")]
        if len(loose) == 1:
            return ((table, loose[0].name),)
        return tuple((table, name) for name in self.graph.key(table)[:1])

    def _people(self) -> list[str]:
        """Tables of people: by what their rows are called, or by first and last names."""
        found = []
        for name, scope in self.scopes.items():
            if scope.link.nouns() & lexicon.PEOPLE or len(self.labels(name)) == 2:
                found.append(name)
        return found

    def _roles(self, path: Path) -> int:
        return sum(relations.role_cost(self.graph, step) for step in path)

    def _once(self, place: tuple[object, ...], make: object) -> list[object]:
        """The results of a rule at a place, made once; of equal ones the cheapest, and few for each end."""
        if place not in self._memo:
            self._memo[place] = []  # a rule that meets itself at the same place finds nothing there
            kept: dict[object, object] = {}
            for found in make():  # type: ignore[operator]
                kept.setdefault(found, found)
            self._memo[place] = list(kept)
        return self._memo[place]

    # --- rules that other modules have -----------------------------------------------------------

    def noun_phrase(self, at: int, depth: int, *, values: bool = False) -> list[Phrase]:
        """A noun with all that belongs to it; see ``phrases``."""
        raise NotImplementedError

    def _says_nothing(self, table: str, verb: str) -> bool:
        """Whether the verb says no more than that the row is there; see ``phrases``."""
        raise NotImplementedError

    def mods(self, table: str, at: int, depth: int) -> list[tuple[int, Mods]]:
        """All that may follow a noun; see ``phrases``."""
        raise NotImplementedError
