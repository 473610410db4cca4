"""A small page for everything that is not an answer: data sets, status, doctor, runs, a profile.

Runs on the host; pure.  Build one with ``block`` and ``Sheet``; IPython shows it in the richest
form it can, and ``str`` is the plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..rendering import text
from . import html, plain
from .view import TableView
from .view import notes as shown_notes

_MOST_CODE: Final = 20_000
_MOST_TITLE: Final = 300


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a sheet: a heading, and below it a table, a text, or neither."""

    title: str = ""
    table: TableView | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str = ""
    blocks: tuple[Block, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return plain.sheet(self)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": html.sheet(self), "text/markdown": plain.sheet_markdown(self), "text/plain": str(self)}


def block(
    headers: Sequence[str] = (),
    rows: Sequence[Sequence[object]] = (),
    *,
    title: str = "",
    types: Sequence[str] = (),
    note: str = "",
) -> Block:
    """A table of any values, as one-line texts without keys.  A column of numbers is set to the right."""
    if not headers:
        return Block(_heading(title))
    number = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(headers))]
    shown = tuple(tuple(None if value is None else _cell(value) for value in row) for row in rows)
    kinds = tuple(map(text.cell, types)) if types else ("",) * len(headers)
    table = TableView(tuple(map(text.cell, headers)), kinds, tuple(number), shown, text.visible(note))
    return Block(_heading(title), table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else text.message(str(value), text.MAX_CELL, lines=False)


def code(source: str, *, title: str = "") -> Block:
    shown = text.visible(source[:_MOST_CODE], lines=True)
    return Block(_heading(title), code=shown + ("\n…" if len(source) > _MOST_CODE else ""))


def sheet(title: str = "", *blocks: Block, notes: Sequence[str] = ()) -> Sheet:
    return Sheet(_heading(title), blocks, shown_notes(notes))


def _heading(title: str) -> str:
    return text.message(title, _MOST_TITLE, lines=False)
