"""Data policies: what of a data set may leave this machine for a model.  Chosen by the person.

Runs on the host; pure.  A policy says what may be told, ``llm.boundary`` is the one place that
enforces it.  What each one lets pass: docs/explanation/data-boundary.md.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError

NAMES: Final = ("schema", "aggregates", "sample", "full")
SMALLEST_GROUP: Final = 5
"""Rows that a group must have before anything of it is told under ``aggregates`` and ``sample``."""
SAMPLE_ROWS: Final = 20
MAX_SAMPLE: Final = 1_000_000


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class Policy:
    """``name`` is one of ``NAMES``, the strictest first; ``rows`` is the size of a ``sample``, else 0.

    Policies are ordered: what may leave under one may leave under every greater one.
    """

    name: str
    rows: int = 0

    def __lt__(self, other: Policy) -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[int, int]:
        return NAMES.index(self.name), self.rows

    def __str__(self) -> str:
        return f"{self.name}:{self.rows}" if self.name == "sample" else self.name


SCHEMA: Final = Policy("schema")
AGGREGATES: Final = Policy("aggregates")
FULL: Final = Policy("full")


def policy(text: str) -> Policy:
    """The policy that ``text`` names: ``schema``, ``aggregates``, ``sample``, ``sample:50``, ``full``.

    Raises ``UsageError`` (``bad_policy``).
    """
    name, colon, rows = text.strip().lower().partition(":")
    hint = f"There is: {', '.join(NAMES)}; sample:50 is a sample of 50 rows."
    if name not in NAMES:
        raise UsageError("bad_policy", f"There is no data policy {text!r}.", hint)
    if not colon:
        return Policy(name, SAMPLE_ROWS if name == "sample" else 0)
    if name != "sample" or not (rows.isascii() and rows.isdigit()) or not 1 <= int(rows[:8]) <= MAX_SAMPLE:
        raise UsageError("bad_policy", f"The data policy cannot be {text!r}.", hint)
    return Policy(name, int(rows))


def strictest(policies: Iterable[Policy], default: Policy) -> Policy:
    """The least of ``policies``; ``default`` when there are none."""
    return min(policies, default=default)
