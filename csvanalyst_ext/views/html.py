"""A ``View`` or a ``Sheet`` as one self-contained piece of HTML.

Runs on the host; pure.  No script, no link, nothing remote, no inline event, one scoped style
block.  Colours come from Jupyter's variables where they exist and are otherwise the page's own, so
the card follows light and dark themes.  Class names are doubled where Jupyter's own rules for tables
would win otherwise.  JupyterLab drops the style block of a notebook that is not trusted, so what a table
or a text needs to be read (sides, lines) is in the elements themselves.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..rendering.text import html, html_body
from .view import NOT_FOUND

if TYPE_CHECKING:
    from .sheet import Sheet
    from .view import Mark, StepView, TableView, View

_STYLE: Final = """<style>
.csva{font-size:13px;line-height:1.45;max-width:100%;color:var(--jp-ui-font-color1,inherit)}
.csva .csva-prose{white-space:pre-wrap;font-size:14px;margin:2px 0 8px}
.csva .csva-wrap{overflow:auto;max-height:460px;max-width:100%;margin:0 0 8px}
.csva table{border-collapse:collapse;margin:0;font-size:inherit;color:inherit;background:transparent;
font-variant-numeric:tabular-nums}
.csva.csva .csva-wrap th,.csva.csva .csva-wrap td{padding:3px 10px;vertical-align:top;
white-space:pre-wrap;max-width:420px;
overflow-wrap:anywhere;border:0;border-bottom:1px solid rgba(128,128,128,.22)}
.csva.csva .csva-wrap thead th{border-bottom:1px solid rgba(128,128,128,.6);font-weight:600;white-space:nowrap}
.csva th small{font-weight:400;font-size:10px;opacity:.6}
.csva .csva-null{opacity:.45;font-style:italic}
.csva .csva-note{opacity:.75;font-size:12px;margin:5px 0}
.csva .csva-bad{border-left:3px solid #c0392b;padding:2px 0 2px 9px;margin:4px 0}
.csva.csva pre{white-space:pre-wrap;overflow-wrap:anywhere;font-family:var(--jp-code-font-family,monospace);
font-size:12px;background:rgba(128,128,128,.1);color:inherit;padding:6px 9px;margin:4px 0;border:0;border-radius:3px;
max-height:320px;overflow:auto}
.csva code{font-family:var(--jp-code-font-family,monospace);background:rgba(128,128,128,.12);color:inherit;
padding:0 3px;border-radius:3px}
.csva details{margin:6px 0 2px;font-size:12px}
.csva summary{cursor:pointer;opacity:.75}
.csva .csva-step{margin:7px 0 0}
.csva .csva-found{text-decoration:underline dotted rgba(128,128,128,.7);text-underline-offset:3px}
.csva .csva-missing{border-bottom:2px solid #c0392b}
.csva img{max-width:100%;height:auto;background:#fff;border-radius:3px;margin:4px 0}
.csva.csva h4{font-size:14px;font-weight:600;margin:2px 0 6px}
</style>"""

_OPEN: Final = f'<div class="csva tex2jax_ignore mathjax_ignore">{_STYLE}'


def card(view: View) -> str:
    parts = [_OPEN]
    if view.error:
        hint = f"<br>{_prose(view.hint)}" if view.hint else ""
        parts.append(f'<div class="csva-bad"><b>{html(view.status)}</b> {_prose(view.error)}{hint}</div>')
    if view.prose:
        parts.append(f'<div class="csva-prose">{_prose(view.prose, view.marks)}</div>')
    if view.table:
        parts.append(_table(view.table))
    for number, data in enumerate(view.figures, 1):
        source = base64.b64encode(data).decode("ascii")
        parts.append(f'<img alt="figure {number}" src="data:image/png;base64,{source}">')
    if view.stdout:
        parts.append(f"<pre>{html_body(view.stdout)}</pre>")
    parts += [f'<div class="csva-note">{_prose(note)}</div>' for note in view.notes]
    steps = "".join(_step(number, step) for number, step in enumerate(view.steps, 1))
    kept = f'<div class="csva-note">run <code>{html(view.capsule)}</code></div>' if view.capsule else ""
    parts.append(f"<details><summary>{html_body(view.how)}</summary>{steps}{kept}</details></div>")
    return "".join(parts)


def sheet(sheet: Sheet) -> str:
    parts = [_OPEN]
    if sheet.title:
        parts.append(f"<h4>{html_body(sheet.title)}</h4>")
    for block in sheet.blocks:
        if block.title:
            parts.append(f'<div class="csva-step"><b>{html_body(block.title)}</b></div>')
        if block.table:
            parts.append(_table(block.table))
        if block.code:
            parts.append(f"<pre>{html_body(block.code)}</pre>")
    parts += [f'<div class="csva-note">{_prose(note)}</div>' for note in sheet.notes]
    return "".join(parts) + "</div>"


def progress(line: str, steps: tuple[str, ...] = ()) -> str:
    shown = "".join(f"<div>{html_body(step)}</div>" for step in (*steps, line))
    return f'{_OPEN}<div class="csva-note">{shown}</div></div>'


def _table(table: TableView) -> str:
    heads = "".join(
        f"<th{_side(numeric)}>{html_body(name)}{f'<br><small>{html_body(type_)}</small>' if type_ else ''}</th>"
        for name, type_, numeric in zip(table.names, table.types, table.numeric, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(cell, numeric) for cell, numeric in zip(row, table.numeric, strict=True)) + "</tr>"
        for row in table.rows
    )
    note = f'<div class="csva-note">{html_body(table.note)}</div>' if table.note else ""
    return f'<div class="csva-wrap"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{note}'


def _cell(cell: str | None, numeric: bool) -> str:
    kind = ' class="csva-null"' if cell is None else ""
    return f"<td{_side(numeric)}{kind}>{'NULL' if cell is None else html_body(cell)}</td>"


def _side(numeric: bool) -> str:
    return f' style="text-align:{"right" if numeric else "left"}"'


def _step(number: int, step: StepView) -> str:
    facts = " · ".join(step.facts)
    code = f"<pre>{html_body(step.code)}</pre>" if step.code else ""
    fault = f'<div class="csva-bad">{html_body(step.fault)}</div>' if step.fault else ""
    return f'<div class="csva-step">{number}. <b>{html_body(step.title)}</b> · {html_body(facts)}</div>{code}{fault}'


_STRONG: Final = re.compile(r"\*\*(?P<b>[^*`\n]{1,400})\*\*|`(?P<code>[^`\n]{1,400})`")


def _prose(prose: str, marks: Sequence[Mark] = ()) -> str:
    """Every character escaped; two harmless marks of Markdown (strong text and code, neither inside the other),
    and the marks of checked figures."""
    parts, at = [], 0
    for m in _STRONG.finditer(prose):
        kind = m.lastgroup or ""
        parts.append(_marked(prose, at, m.start(), marks))
        parts.append(f"<{kind}>{_marked(prose, m.start(kind), m.end(kind), marks)}</{kind}>")
        at = m.end()
    return "".join([*parts, _marked(prose, at, len(prose), marks)]).replace("\n", "<br>")


def _marked(prose: str, start: int, end: int, marks: Sequence[Mark]) -> str:
    """The escaped text from ``start`` to ``end``, with what is marked in it.  The mark of a figure that was not
    found is text, so that it needs no colour and no pointer to be seen."""
    parts, at = [], start
    for mark in marks:
        first, last = max(mark.start, at), min(mark.end, end)
        if first >= last:
            continue
        kind, sign = ("csva-found", "") if mark.found else ("csva-missing", f" {NOT_FOUND}" if last == mark.end else "")
        parts.append(html_body(prose[at:first]))
        shown = html_body(prose[first:last]) + sign
        parts.append(f'<span class="{kind}" title="{html(mark.explained)}">{shown}</span>')
        at = last
    return "".join([*parts, html_body(prose[at:end])])
