"""A ``View`` or a ``Sheet`` as plain text for a terminal, and as Markdown.

Runs on the host; pure.  Plain text holds no escape sequence; Markdown holds no link, image, HTML
or formula that came from a value.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from ..rendering.text import ELLIPSIS, count, fence, fit, grid, markdown, markdown_lines, shortened, width
from .view import NOT_FOUND

if TYPE_CHECKING:
    from .sheet import Sheet
    from .view import TableView, View

MAX_WIDTH: Final = 160
"""Columns of a terminal that a table takes at most."""
MAX_CELL: Final = 40
"""What is left of the cells of a table that would be wider."""


def text(view: View) -> str:
    parts = []
    if view.error:
        parts.append(f"{view.status}: {shortened(view.error)}" + (f"\n{view.hint}" if view.hint else ""))
    if view.prose:
        parts.append(prose(view))
    if view.table:
        parts.append(table(view.table))
    if view.figures:
        parts.append(f"({len(view.figures)} figure{'s' if len(view.figures) > 1 else ''}: see .figures)")
    parts += [f"({chart}: see .chart)" for chart in view.charts]
    if view.stdout:
        parts.append(view.stdout)
    parts += [f"note: {note}" for note in view.notes]
    parts.append(f"[{view.how}" + (f" · run {view.capsule}]" if view.capsule else "]"))
    return "\n\n".join(parts)


def prose(view: View) -> str:
    """The prose with a sign after each figure that was not found."""
    parts, at = [], 0
    for mark in view.marks:
        if not mark.found:
            parts += [view.prose[at : mark.end], f" {NOT_FOUND}"]
            at = mark.end
    return "".join([*parts, view.prose[at:]])


def table(view: TableView) -> str:
    """At most ``MAX_WIDTH`` wide: cells are cut first, then columns at the end, and a line below says so."""
    head = [view.names, view.types] if any(view.types) else [view.names]
    rows = [["NULL" if cell is None else cell for cell in row] for row in view.rows]
    lines = [list(line) for line in (*head, *rows)]
    if sum(max(width(line[i]) for line in lines) + 2 for i in range(len(view.names))) > MAX_WIDTH:
        lines = [[_cut(cell) for cell in line] for line in lines]
    widths = [max(width(line[i]) for line in lines) + 2 for i in range(len(view.names))]
    many = max(1, sum(total <= MAX_WIDTH for total in accumulate(widths)))
    lines = [line[:many] for line in lines]
    drawn = grid(lines[: len(head)], lines[len(head) :], view.numeric[:many]) if view.names else ""
    left = f"{count(len(view.names) - many, 'more column')} not shown here" if many < len(view.names) else ""
    return "\n".join(part for part in (drawn, left, view.note) if part)


def _cut(cell: str) -> str:
    return cell if width(cell) <= MAX_CELL else fit(cell, MAX_CELL - 1) + ELLIPSIS


def sheet(sheet: Sheet) -> str:
    parts = [sheet.title] if sheet.title else []
    for block in sheet.blocks:
        body = table(block.table) if block.table else block.code
        parts.append("\n".join(part for part in (block.title, body) if part))
    parts += ["\n".join(f"• {note}" for note in sheet.notes)] if sheet.notes else []
    return "\n\n".join(parts)


def md(view: View) -> str:
    parts = []
    if view.error:
        parts.append(markdown_lines(f"{view.status}: {view.error}\n{view.hint}".strip()))
    if view.prose:
        parts.append(markdown_lines(prose(view)))
    if view.table:
        parts.append(_table_md(view.table))
    parts += [f"*{markdown(chart)}*" for chart in view.charts]
    if view.stdout:
        parts.append(fence(view.stdout, "text"))
    parts += [f"*{markdown(note)}*" for note in view.notes]
    parts += [fence(step.code, step.language) for step in view.steps if step.code]
    parts.append(f"{markdown(view.how)}" + (f" · run {markdown(view.capsule)}" if view.capsule else ""))
    return "\n\n".join(parts)


def sheet_markdown(sheet: Sheet) -> str:
    parts = [f"**{markdown(sheet.title)}**"] if sheet.title else []
    for block in sheet.blocks:
        parts += [f"**{markdown(block.title)}**"] if block.title else []
        parts += [_table_md(block.table)] if block.table else []
        parts += [fence(block.code, "text")] if block.code else []
    return "\n\n".join([*parts, *(markdown(note) for note in sheet.notes)])


def _table_md(view: TableView) -> str:
    if not view.names:
        return markdown(view.note)
    rule = ["---:" if numeric else ":---" for numeric in view.numeric]
    rows = [["NULL" if cell is None else markdown(cell) for cell in row] for row in view.rows]
    lines = [[markdown(name) for name in view.names], rule, *rows]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{drawn}\n\n{markdown(view.note)}" if view.note else drawn
