"""The columns by which two tables belong together: declared ones, or such as can be discovered.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .schema import EXACT_DISTINCT, Column, Table
from .words import key, pieces, same

_KEY_WORDS: Final = (("id",), ("key",), ("code",))


@dataclass(frozen=True, slots=True)
class Relationship:
    """A declared key: these columns of two tables hold the same things."""

    left_table: str
    left_column: str
    right_table: str
    right_column: str


def between(left: Table, right: Table, declared: Sequence[Relationship] = ()) -> tuple[tuple[str, str], ...]:
    """The pairs of columns (of ``left``, of ``right``) by which the tables can be joined.

    Declared pairs, if there are any.  Else columns of one type that have one name, or where one is
    called "the other of that table"; among them those that no two rows of one table share; and of
    these the ones that are called like keys; and of those the ones that name the other table.
    """
    found = tuple(dict.fromkeys(_declared(left, right, declared)))
    if found:
        return found
    discovered = tuple(_discovered(left, right))
    unique = (
        tuple(pair for pair in discovered if not (repeats(left, pair[0]) and repeats(right, pair[1]))) or discovered
    )
    named = tuple(pair for pair in unique if any(pieces(name)[-1:] in _KEY_WORDS for name in pair)) or unique
    pointing = tuple(
        (one, other) for one, other in named if _points_to(one, other, right.name) or _points_to(other, one, left.name)
    )
    return pointing or named


def _declared(left: Table, right: Table, declared: Sequence[Relationship]) -> Iterator[tuple[str, str]]:
    for one in declared:
        if (one.left_table, one.right_table) == (left.name, right.name):
            yield one.left_column, one.right_column
        elif (one.left_table, one.right_table) == (right.name, left.name):
            yield one.right_column, one.left_column


def _discovered(left: Table, right: Table) -> Iterator[tuple[str, str]]:
    for one in left.columns:
        for other in right.columns:
            if comparable(one, other) and (
                key(one.name) == key(other.name)
                or _points_to(one.name, other.name, right.name)
                or _points_to(other.name, one.name, left.name)
            ):
                yield one.name, other.name


def _points_to(name: str, target: str, table: str) -> bool:
    """Whether ``name`` reads as "the ``target`` of ``table``": ``customer_id`` and ``id`` of ``customers``."""
    words, wanted, owner = pieces(name), pieces(target), pieces(table)
    if not words or not wanted or not owner:
        return False
    plain = len(words) == len(owner) + len(wanted) and words[len(owner) :] == wanted
    return plain and all(same(one, other) for one, other in zip(words, owner, strict=False))


def repeats(table: Table, name: str) -> bool | None:
    """Whether several rows of ``table`` share a value of this column; ``None`` when the description cannot say."""
    column = table.column(name)
    known = table.rows - column.nulls
    if table.rows > EXACT_DISTINCT:
        return True if column.distinct < known // 2 else None
    return column.distinct < known


def comparable(one: Column, other: Column) -> bool:
    """Whether values of these columns can be equal."""
    return one.kind == other.kind and one.kind in ("number", "text", "date")
