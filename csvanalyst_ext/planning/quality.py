"""Questions about the data itself: what occurs twice, what is missing.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from . import lexicon
from .contrasts import Contrasts
from .plan import Filter
from .queries import Meant
from .query import Calc, Field, Having, Query, Test
from .schema import Column
from .spoken import Mods

_ANY: Final = (
    "are there",
    "are there any",
    "do we have",
    "do we have any",
    "is there a",
    "is there any",
    "find",
    "list",
    "list the",
    "check for",
    "any",
    "does it have",
    "show the",
    "which",
)
_BY: Final = ("by", "in", "in the", "based on", "on", "according to", "for", "of")


class Quality(Contrasts):
    """The forms of ``contrasts``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from super().special(at, given)
        yield from self._duplicates(at)
        yield from self._duplicate_rows(at)
        yield from self._missing_by_column(at)

    def _duplicates(self, at: int) -> Iterator[Meant]:
        for start, word in self.phrase(at, ("how many duplicate", "how many duplicated", "number of duplicate",
            "number of duplicated", "duplicate", "duplicated", "the duplicate", "the duplicated",
            "which duplicate", "show duplicate", "repeated", "the repeated",
            *(f"{ask} duplicate" for ask in _ANY), *(f"{ask} duplicated" for ask in _ANY))):  # fmt: skip
            count = word.startswith(("how", "number"))
            for end, table, column, cost in self.columns(start):
                for last in self.skip(end, ("values", "value")):
                    for tail in {last, *self._often(last)}:
                        for named, mods in self._tails(table, tail):
                            if named != table or mods.dims or mods.rank or mods.sort or mods.having:
                                continue
                            field = Field(column.name)
                            having = (Having(Calc("count"), ">", 1),)
                            where = (*mods.where, *((Test(_present(column)),) if column.nulls else ()))
                            select = (field,) if count else (field, Calc("count"))
                            query = Query(
                                table,
                                select,
                                where=where,
                                group=(field,),
                                having=having,
                                outer="count" if count else "",
                            )
                            yield Meant(query, cost + mods.cost)

    def _duplicate_rows(self, at: int) -> Iterator[Meant]:
        """ "Are there duplicate rows", "are there duplicates", "duplicates by name": each with how often it occurs."""
        said = tuple(f"{ask} {word}".strip() for ask in (*_ANY, "") for word in ("duplicates", "duplicate values"))
        for table, known in self.graph.tables.items():
            for start, _ in self.phrase(at, said):
                for end in self._in_table(table, start):
                    if end == self.size and len(self.graph.tables) == 1:
                        yield self._repeated(table, known.columns, 0)
                for by, _ in self.phrase(start, _BY):
                    for article in self.articles(by):
                        for end, name, column, cost in self.columns(article):
                            for last in self.skip(end, ("column", "values", "value")):
                                if name == table and last == self.size:
                                    yield self._repeated(table, (column,), cost)
            alone = tuple(f"{ask} {word}".strip() for ask in (*_ANY, "") for word in ("duplicate", "duplicated"))
            for start, _ in self.phrase(at, alone):
                for name, end, cost in self.entities(start):
                    generic = self.norm(end - 1) in lexicon.ROWS
                    if name == table and (generic or cost == 0) and not (generic and len(self.graph.tables) > 1):
                        for last in self._in_table(table, end):
                            if last == self.size:
                                yield self._repeated(table, known.columns, cost + 1)

    def _in_table(self, table: str, at: int) -> Iterator[int]:
        yield at
        for start, _ in self.phrase(at, ("in the", "in", "in this", "among the", "in our")):
            yield from (end for end, _ in self.phrase(start, lexicon.DATA))
            for name, end, _ in self.entities(start):
                if name == table:
                    yield from self.skip(end, lexicon.DATA)

    def _repeated(self, table: str, columns: Sequence[Column], cost: int) -> Meant:
        fields = tuple(Field(column.name) for column in columns)
        where = (Test(_present(columns[0])),) if len(columns) == 1 and columns[0].nulls else ()
        having = (Having(Calc("count"), ">", 1),)
        return Meant(Query(table, (*fields, Calc("count")), where=where, group=fields, having=having), cost)

    def _missing_by_column(self, at: int) -> Iterator[Meant]:
        """ "How many missing values are there in each column"."""
        if len(self.graph.tables) > 1:
            return
        for start, _ in self.phrase(at, ("how many", "number of", "count", "count of", "the number of", "count the")):
            for end, _ in self.phrase(start, ("missing values", "nulls", "null values", "empty values", "missing")):
                for middle in self.skip(end, ("are there", "are", "there are", "does", "do we have")):
                    for last, _ in self.phrase(middle, ("in each column", "per column", "by column", "in every column",
                                                        "for each column", "each column have")):  # fmt: skip
                        if last == self.size:
                            (table,) = self.graph.tables.values()
                            counts = (
                                Calc("count", where=(Test(Filter(column.name, "null")),), name=column.name)
                                for column in table.columns
                            )
                            yield Meant(Query(table.name, tuple(counts)), 0)

    def _often(self, at: int) -> Iterator[int]:
        for end, _ in self.phrase(at, ("and how often they occur", "and how often they appear",
            "and how often each occurs", "and their counts", "and the number of times they occur",
            "and how many times they occur", "with their counts")):  # fmt: skip
            yield end


def _present(column: Column) -> Filter:
    return Filter(column.name, "not null")
