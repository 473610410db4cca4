"""Text that shows what it is: no character of it can steer a terminal, a browser or a renderer.

Runs on the host; pure functions.  ``visible`` comes first in every form, ``html`` and ``markdown``
after it: what they return is inert where they say so.  How each is checked: docs/explanation/output.md.
"""

from __future__ import annotations

import html as _html
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from ..safe_text import ELLIPSIS, message, shortened, steers, visible

__all__ = [
    "ELLIPSIS", "MAX_CELL", "cell", "count", "fence", "fit", "grid", "html", "html_body", "json_line", "markdown",
    "markdown_lines", "message", "pad", "seconds", "shortened", "size", "visible", "width",
]  # fmt: skip

MAX_CELL: Final = 200


def cell(text: str) -> str:
    """One line of at most ``MAX_CELL`` characters."""
    shown = visible(text[: MAX_CELL + 1])
    return shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + ELLIPSIS


def html(text: str) -> str:
    """Escaped for an element or a double-quoted attribute.  Pass ``visible`` text."""
    return _html.escape(text, quote=True)


def html_body(text: str) -> str:
    """Like ``html``, and no formula renderer finds a delimiter: ``$`` and the backslash stand in elements of
    their own, which ends the run of text that such a renderer searches, also where its ignore classes are
    not honoured."""
    return html(text).replace("$", "<span>$</span>").replace("\\", "<span>\\</span>")


_MARKDOWN: Final = frozenset("\\`*_{}[]<>()#!|~$&:@\"'^=")
_AT_START: Final = _MARKDOWN | frozenset("-+%.")  # lists, rules, underlined headings, comments of MyST
_APART: Final = re.compile(r"&#(?:36|46|64|92);|&#58;(?=//)|(?i:(?<=www))\.|\.(?=[^\W\d_])")


def markdown(text: str) -> str:
    """Escaped for one line of Markdown.  Pass ``visible`` text.

    Every character with a meaning is a character reference, which cannot have one.  Formula renderers
    and some linkifiers look at the text that comes out, so what delimits a formula or makes an address
    also stands in an element of its own.
    """
    stripped = text.lstrip(" \t")
    blank = "".join("&#160;" * (4 if c == "\t" else 1) for c in text[: len(text) - len(stripped)])
    start = len(stripped) - len(stripped.lstrip("0123456789")) + 1  # the number of a list's item, and what follows
    head = "".join(_reference(c) if c in _AT_START else c for c in stripped[:start])
    rest = "".join(_reference(c) if c in _MARKDOWN else c for c in stripped[start:])
    return blank + _APART.sub(lambda found: f"<span>{found[0].replace('.', _reference('.'))}</span>", head + rest)


def _reference(character: str) -> str:
    return f"&#{ord(character)};"


def markdown_lines(text: str) -> str:
    """``text`` of several lines, which stay lines; an empty one ends a paragraph."""
    return re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", "\n".join(markdown(line.rstrip()) for line in text.split("\n")))


def fence(code: str, language: str) -> str:
    """``code`` as a fenced Markdown block that no text inside can close."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{code}\n{ticks}"


def width(text: str) -> int:
    """Columns that ``text`` takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 or c in "\u200c\u200d\ufe0e\ufe0f" for c in text)


def fit(text: str, columns: int) -> str:
    """As much of ``text`` as a terminal shows in ``columns``."""
    while width(text) > columns:
        text = text[: columns if len(text) > columns else -1]
    return text


def pad(text: str, to: int, *, right: bool = False) -> str:
    fill = " " * max(0, to - width(text))
    return fill + text if right else text + fill


def grid(head: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """A plain text table: the lines of ``head``, a rule, the rows; columns two spaces apart, numbers to the
    right.  Pass ``cell`` texts."""
    widths = [max(width(line[i]) for line in (*head, *rows)) for i in range(len(numeric))]
    lines = [*head, ["─" * w for w in widths], *rows]
    joined = ("  ".join(pad(t, w, right=n) for t, w, n in zip(line, widths, numeric, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in joined)


def seconds(value: float) -> str:
    """A duration for people: ``38 ms``, ``1.2 s``, ``2 min 5 s``."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def size(value: int) -> str:
    """Bytes for people, in powers of 1024: ``512 B``, ``1.4 MiB``."""
    if value < 1024:
        return f"{value} B"
    power = min(4, (value.bit_length() - 1) // 10)
    return f"{value / 1024**power:.1f} {'BKMGT'[power]}iB"


def part(done: int, whole: int) -> str:
    """``1.2 of 5.0 GiB``; only the first where the second is not known (0) or too small to be true."""
    if whole < max(1, done):
        return size(done)
    power = min(4, (whole.bit_length() - 1) // 10)
    if not power:
        return f"{done} of {whole} B"
    return f"{done / 1024**power:.1f} of {size(whole)}"


def count(number: int, noun: str) -> str:
    """``1 row``, ``336,776 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_JSON_ESCAPED: Final = re.compile(r"[^\x20-\x7e]+")


def json_line(value: Any) -> str:
    """``value`` as one line of JSON.  Characters that could steer a terminal are ``\\u`` escapes, so a program
    reads the same value and a person sees what is there.  Raises ``ValueError`` for NaN and the infinities."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _JSON_ESCAPED.sub(lambda run: json.dumps(run[0])[1:-1] if steers(run[0]) else run[0], line)
