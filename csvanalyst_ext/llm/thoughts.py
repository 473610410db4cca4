"""What a model writes to itself before it answers, between ``<think>`` and ``</think>``: no part of an answer.  Pure.

Servers of one's own often pass thoughts on as text.  Some templates put the first mark into the prompt, so that only
the second one is in the reply.
"""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_OPEN: Final = re.compile(r"\s*<think(?:ing)?>", re.IGNORECASE)
_MARKS: Final = ("<think>", "<thinking>")
_LONGEST: Final = len("</thinking>")


def without_ended(text: str) -> str:
    """``text`` without the thoughts that have an end; what stands before an end without a beginning is one too.

    One pass, whatever the text: it comes from a model.
    """
    kept: list[str] = []
    at, opened = 0, -1
    for mark in _MARK.finditer(text):
        if not mark[1]:
            opened = mark.start() if opened < 0 else opened
            continue
        if opened < 0:
            kept.clear()
        else:
            kept.append(text[at:opened])
        at, opened = mark.end(), -1
    return "".join([*kept, text[at:]])


def without_thoughts(text: str) -> str:
    """What of ``text`` is no thought; nothing of it where a thought that begins it never ends."""
    rest = without_ended(text)
    if rest != text:
        rest = rest.lstrip()
    return "" if _OPEN.match(rest) else rest


class Spoken:
    """Passes text on piece by piece, but for a thought at its beginning, of which only the end of it is held."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._begun = False

    def add(self, text: str) -> str:
        if self._begun:
            return text
        if self._thinking:
            return self._after(self._held + text)
        said = (self._held + text).lstrip()
        if any(mark.startswith(said.lower()) for mark in _MARKS):
            self._held = said
            return ""
        if _OPEN.match(said):
            self._thinking = True
            return self._after(said)
        return self._begin(said)

    def _after(self, held: str) -> str:
        end = next((mark.end() for mark in _MARK.finditer(held) if mark[1]), None)
        if end is None:
            self._held = held[-_LONGEST:]
            return ""
        self._thinking, self._held = False, ""
        said = held[end:].lstrip()
        return self._begin(said) if said else ""

    def _begin(self, said: str) -> str:
        self._begun = True
        return said
