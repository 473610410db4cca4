"""A ``View`` or a ``Sheet`` as plain text for a terminal, and as Markdown.

Runs on the host; pure.  Plain text holds no escape sequence; Markdown holds no link, image, HTML
or formula that came from a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rendering.text import fence, grid, markdown, markdown_lines
from .view import NOT_FOUND

if TYPE_CHECKING:
    from .sheet import Sheet
    from .view import TableView, View


def text(view: View) -> str:
    parts = []
    if view.error:
        parts.append(f"{view.status}: {view.error}" + (f"\n{view.hint}" if view.hint else ""))
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
    head = [view.names, view.types] if any(view.types) else [view.names]
    rows = [["NULL" if cell is None else cell for cell in row] for row in view.rows]
    drawn = grid(head, rows, view.numeric) if view.names else ""
    return f"{drawn}\n{view.note}" if view.note else drawn


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
