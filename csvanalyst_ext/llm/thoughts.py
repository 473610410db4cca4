"""What a model writes to itself before it answers, between ``<think>`` and ``</think>``: no part of an answer.  Pure.

Servers of one's own often pass thoughts on as text.  Some templates put the first mark into the prompt, so that only
the second one is in the reply.
"""

from __future__ import annotations

import re
from typing import Final

_WHOLE: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_END: Final = re.compile(r".*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_OPEN: Final = re.compile(r"\s*<think(?:ing)?>", re.IGNORECASE)
_MARKS: Final = ("<think>", "<thinking>")


def without_ended(text: str) -> str:
    """``text`` without the thoughts that have an end."""
    return _END.sub("", _WHOLE.sub("", text))


def without_thoughts(text: str) -> str:
    """What of ``text`` is no thought; nothing of it where a thought that begins it never ends."""
    rest = without_ended(text)
    if rest != text:
        rest = rest.lstrip()
    return "" if _OPEN.match(rest) else rest


class Spoken:
    """Passes text on piece by piece, but for a thought at its beginning."""

    def __init__(self) -> None:
        self._held = ""
        self._open = True

    def add(self, text: str) -> str:
        if not self._open:
            return text
        self._held += text
        said = self._held.lstrip()
        if any(mark.startswith(said.lower()) for mark in _MARKS):
            return ""
        if _OPEN.match(said):
            rest = _WHOLE.sub("", said, count=1)
            if rest == said or not rest.strip():
                return ""
            said = rest.lstrip()
        self._open, self._held = False, ""
        return said
