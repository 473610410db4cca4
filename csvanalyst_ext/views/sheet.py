"""A small page for everything that is not an answer: data sets, status, doctor, runs, a profile.

Runs on the host; pure.  Build one with ``block`` and ``Sheet``; IPython shows it in the richest
form it can, and ``str`` is the plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..rendering import text
from . import html, plain
from .view import TableView


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
    """A table of any values, as one-line texts.  A column is set to the right when all its values are numbers."""
    if not headers:
        return Block(text.visible(title))
    number = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(headers))]
    shown = tuple(tuple(None if value is None else _cell(value) for value in row) for row in rows)
    kinds = tuple(map(text.cell, types)) if types else ("",) * len(headers)
    table = TableView(tuple(map(text.cell, headers)), kinds, tuple(number), shown, text.visible(note))
    return Block(text.visible(title), table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else text.cell(str(value))


def code(source: str, *, title: str = "") -> Block:
    return Block(text.visible(title), code=text.visible(source, lines=True))


def sheet(title: str = "", *blocks: Block, notes: Sequence[str] = ()) -> Sheet:
    return Sheet(text.visible(title), blocks, tuple(text.visible(note) for note in notes))
