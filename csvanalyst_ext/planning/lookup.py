"""Finding in which columns a text occurs.  Pure: builds the query that asks.

A description shows the most frequent texts of a column.  Whether another column holds "JFK" too, or
any column "Yellowstone", only the data can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from .quoting import identifier, literal
from .words import key

MAX_TEXTS: Final = 60
MAX_FOUND: Final = 20


def lookup_sql(places: Iterable[tuple[str, str]], texts: Sequence[str]) -> str:
    """The statement that finds cells equal to one of ``texts`` but for case, spaces and marks, in these
    (table, column) places.  Its columns are ``table``, ``column`` and ``value``; at most ``MAX_FOUND`` + 1 rows."""
    wanted = ", ".join(literal(text) for text in dict.fromkeys(map(key, texts)) if text)
    pieces = [
        f'SELECT {literal(table)} AS "table", {literal(column)} AS "column", value\n'  # noqa: S608
        f"FROM (SELECT DISTINCT {identifier(column)} AS value FROM {identifier(table)})\n"
        f"WHERE lower(regexp_replace(value, '[^\\pL\\pN]+', '', 'g')) IN ({wanted})"
        for table, column in places
    ]
    return "\nUNION ALL\n".join(pieces) + f"\nORDER BY 1, 2, 3\nLIMIT {MAX_FOUND + 1}"
