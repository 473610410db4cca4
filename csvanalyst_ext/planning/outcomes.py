"""What comes of a question: a plan, or a question back.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .plan import Plan
from .schema import Table


@dataclass(frozen=True, slots=True)
class Understood:
    """The one plan that the question means; see ``Reading`` for the two conditions.  ``tables`` are those that
    the plan reads; ``texts`` are the values that it found in the data; another column may hold them
    too (see ``lookup``).  ``note`` is what was taken for granted, as a sentence for the answer."""

    plan: Plan
    tables: tuple[Table, ...]
    one_row_each: str = ""
    one_row: bool = False
    texts: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """``reason`` is ``unknown_words``, ``unknown_form``, ``ambiguous``, ``open``, ``too_long`` or ``no_tables``.
    ``question`` asks the person; ``choices`` are what can be chosen from.  ``texts`` are spans of the
    question that may be values that no description shows."""

    reason: str
    question: str
    choices: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
