"""The typed failure of an ingest.

Runs in the sandbox, in the ingest worker.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

LINES_SHOWN: Final = 20


class IngestFault(Exception):
    """The file cannot be turned into a table.  ``code`` is stable; the texts are for people."""

    def __init__(self, code: str, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details


class TakeSlowRoad(Exception):
    """The fast reader cannot be trusted with this file; nothing has been delivered yet."""


def shown(text: str, most: int = 60) -> str:
    """``text`` as it may stand in a message: quoted, on one line, cut."""
    cut = text if len(text) <= most else text[:most] + "…"
    return "'" + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut) + "'"


def line_list(lines: Iterable[int], count: int) -> str:
    """``line 3`` or ``lines 3, 9, 14 and 12 more``."""
    first = list(lines)[:8]
    if count == 1 and first:
        return f"line {first[0]}"
    more = count - len(first)
    return "lines " + ", ".join(map(str, first)) + (f" and {more:,} more" if more > 0 else "")
