"""Text that shows what it is: no character of it can steer a terminal, a browser or a renderer.

Runs on the host; pure functions.  ``visible`` comes first in every form, ``html`` and ``markdown``
after it: what they return is inert where they say so.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MAX_CELL: Final = 200
_KEPT_FORMAT: Final = "\u200c\u200d"  # joiners: several scripts and emoji need them, and they move nothing
_ELLIPSIS: Final = "…"
_MARKDOWN: Final = frozenset("\\`*_{}[]<>()#!|~$&:@\"'^=")
_WWW: Final = re.compile(r"www\.", re.IGNORECASE)


def _shown(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if category in ("Zl", "Zp"):
        return "␊"
    if category == "Cf" and character not in _KEPT_FORMAT:
        return f"⟨U+{code:04X}⟩"
    return "\ufffd" if category in ("Cc", "Cs") else character


def visible(text: str, *, lines: bool = False) -> str:
    """``text`` with control, bidirectional and other invisible characters shown as symbols.

    ``lines=True`` keeps line feeds and tabs (code, output, prose); a lone or paired carriage
    return counts as a line feed there.
    """
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(c if c in "\n\t" else _shown(c) for c in text)
    return "".join(map(_shown, text))


def cell(text: str) -> str:
    """One line of at most ``MAX_CELL`` characters."""
    shown = visible(text[: MAX_CELL + 1])
    return shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 1] + _ELLIPSIS


def html(text: str) -> str:
    """Escaped for an element or a double-quoted attribute.  Pass ``visible`` text."""
    return _html.escape(text, quote=True)


def html_body(text: str) -> str:
    """Like ``html``, and no formula renderer finds a delimiter: ``$`` and the backslash stand in elements of
    their own, which ends the run of text that such a renderer searches, also where its ignore classes are
    not honoured."""
    return html(text).replace("$", "<span>$</span>").replace("\\", "<span>\\</span>")


def markdown(text: str) -> str:
    """Escaped for Markdown on one line: every character with a meaning there as a character reference,
    which cannot have one."""
    escaped = "".join(f"&#{ord(c)};" if c in _MARKDOWN else c for c in text)
    escaped = _WWW.sub("www&#46;", escaped)
    return re.sub(r"&#(36|92);", r"<span>&#\1;</span>", escaped)


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
    return len(text) + wide - sum(unicodedata.combining(c) != 0 or c in _KEPT_FORMAT for c in text)


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
