"""What a query's result does not say of itself, and what is often missed: a tie that its LIMIT cut, a text whose
case differs from that of the cells.

Runs on the host; the further queries that it needs run in the sandbox like any other.  A remark is never an
error: what cannot be found out is not remarked on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..planning import lookup
from ..planning.words import key
from . import sql_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..datasets.model import Dataset
    from ..execution.base import Outcome

_MOST_COLUMNS: Final = 40


class Queries(Protocol):
    def datasets(self) -> Sequence[Dataset]: ...

    async def sql(self, text: str, *, keep: bool = True) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Remark:
    """``head`` is made by our code alone, ``cells`` are from data, ``note`` is a sentence for the person."""

    head: Mapping[str, Any]
    cells: tuple[Mapping[str, Any], ...] = ()
    note: str = ""


async def of_query(queries: Queries, sql: str, outcome: Outcome) -> tuple[Remark, ...]:
    """What is to be said of ``outcome``, the result of ``sql``."""
    if outcome.fault is not None or outcome.table is None:
        return ()
    if _says_nothing(outcome):
        return await _misspelt(queries, sql)
    return await _tied(queries, sql, outcome)


def _says_nothing(outcome: Outcome) -> bool:
    """No row, or one row of nothing but NULL and 0."""
    table = outcome.table
    if table is None or outcome.row_count > 1:
        return False
    return outcome.row_count == 0 or all(not value for value in table.slice(0, 1).to_pylist()[0].values())


async def _misspelt(queries: Queries, sql: str) -> tuple[Remark, ...]:
    """Texts of the query that no cell has, where a cell of a named column differs only in case, spaces or marks."""
    found = sql_words.words(sql)
    texts = [word.value for word in found if word.kind == "text" and key(word.value) and "%" not in word.value]
    names = {word.value.casefold() for word in found if word.kind in ("word", "name")}
    places = [
        (dataset.name, column.name)
        for dataset in queries.datasets()
        if dataset.name.casefold() in names
        for column in dataset.columns
        if column.type == "VARCHAR" and column.name.casefold() in names
    ][:_MOST_COLUMNS]
    if not texts or not places:
        return ()
    looked = await queries.sql(lookup.lookup_sql(places, texts[: lookup.MAX_TEXTS]), keep=False)
    if looked.fault is not None or looked.table is None:
        return ()
    matches = looked.table.slice(0, lookup.MAX_FOUND).to_pylist()
    exact = {match["value"] for match in matches}
    close = [match for match in matches if any(key(match["value"]) == key(t) and t not in exact for t in texts)]
    if not close:
        return ()
    hint = "A text in the query differs from the cells in case, spaces or marks. Use their spelling, or ILIKE."
    return (Remark({"remark": "text_case", "hint": hint}, tuple(close)),)


async def _tied(queries: Queries, sql: str, outcome: Outcome) -> tuple[Remark, ...]:
    tail = sql_words.tail(sql)
    if tail is None or outcome.row_count != tail.limit or outcome.truncated:
        return ()
    more = await queries.sql(tail.sql, keep=False)
    if more.fault is not None or more.table is None or more.table.num_rows <= tail.limit:
        return ()
    if any(not -more.table.num_columns <= place < more.table.num_columns for place in tail.keys):
        return ()
    last, following = (
        [more.table.column(place)[row].as_py() for place in tail.keys] for row in (tail.limit - 1, tail.limit)
    )
    if last != following:
        return ()
    hint = (
        "The LIMIT cut a tie: the next row is equal in what the result is ordered by. Say so, or show all of the tie."
    )
    note = f"LIMIT {tail.limit} cut a tie: the next row is equal in what the result is ordered by."
    return (Remark({"remark": "tie", "hint": hint}, note=note),)
