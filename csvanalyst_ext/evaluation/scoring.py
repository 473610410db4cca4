"""Whether an answer is right: pure functions over plain rows.  Runs on the host.

A result is right when it is one of the gold answers.  The rules:

- As many rows; in the same order only where the question asks for an order.
- Each gold column is one of the result's columns, whatever its name and place.  More columns are
  tolerated (a name beside a number is no fault), but at most ``MOST_EXTRA`` where the gold answer
  has no text: among many numbers the right one would stand by chance.
- Numbers are equal within ``Rules.relative``; with ``Rules.decimals`` also when they are that
  number rounded to so many digits.
- Months, quarters, weeks and years may be written as their first day, as ``2015-03``, ``2015-Q1``, ``2015-W07``, or
  (in any year) as a number, a name or ``Q1``.  Yes and no may be booleans or words.
- A share or a growth may be a fraction or a percentage, the whole column alike.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from .suite import Gold, Item, Row

MOST_EXTRA: Final = 2
SCALED_KINDS: Final = frozenset({"share", "growth"})
_MOST_ASSIGNMENTS: Final = 500


class Verdict(StrEnum):
    """``ASKED``: it asked back, or said that it cannot answer, where an answer was known.  ``FAILED``: an error."""

    RIGHT = "right"
    WRONG = "wrong"
    ASKED = "asked"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rules:
    """How near is equal.  ``relative`` is the tolerance of numbers; ``decimals`` accepts rounded ones too."""

    relative: float = 1e-6
    decimals: int | None = None


EXACT: Final = Rules()
ROUNDED: Final = Rules(decimals=2)
"""For models, which round in SQL unasked."""


def judge(item: Item, status: str, rows: Sequence[Sequence[Any]] | None, rules: Rules = EXACT) -> Verdict:
    """The verdict on an answer of this status with these rows; ``None`` when it has no table."""
    if status not in ("ok", "clarify"):
        return Verdict.FAILED
    if not item.golds:
        return Verdict.RIGHT if status == "clarify" or rows is None else Verdict.WRONG
    if status == "clarify":
        return Verdict.ASKED
    matching = rows is not None and any(matches(rows, gold, item, rules) for gold in item.golds)
    return Verdict.RIGHT if matching else Verdict.WRONG


def matches(rows: Sequence[Sequence[Any]], gold: Gold, item: Item, rules: Rules = EXACT) -> bool:
    """Whether these rows are that gold answer."""
    wanted = gold.rows
    if len(rows) != len(wanted):
        return False
    if not rows:
        return True
    width, least = len(rows[0]), len(wanted[0])
    text = any(isinstance(value, str) for row in wanted for value in row)
    if width < least or (width > least + MOST_EXTRA and not text):
        return False
    scales = (1, 100) if item.kind in SCALED_KINDS else (1,)
    candidates = [
        [
            (place, scale)
            for place in range(width)
            for scale in scales
            if _alike([(row[place],) for row in rows], [(row[column],) for row in wanted], (scale,), item, rules)
        ]
        for column in range(least)
    ]
    for chosen in itertools.islice(itertools.product(*candidates), _MOST_ASSIGNMENTS):
        places = [place for place, _ in chosen]
        if len(set(places)) == least:
            picked = [tuple(row[place] for place in places) for row in rows]
            if _alike(picked, wanted, [scale for _, scale in chosen], item, rules):
                return True
    return False


def _alike(rows: Sequence[Row], wanted: Sequence[Row], scales: Sequence[int], item: Item, rules: Rules) -> bool:
    def same(row: Row, gold: Row) -> bool:
        return all(same_cell(a, b, rules, scale) for a, b, scale in zip(row, gold, scales, strict=True))

    if item.ordered:
        return all(map(same, rows, wanted))
    return _matched(rows, wanted, same)


def _matched(rows: Sequence[Row], wanted: Sequence[Row], same: Callable[[Row, Row], bool]) -> bool:
    """Whether each gold row has its own row."""
    left = list(rows)
    for gold in wanted:
        place = next((place for place, row in enumerate(left) if same(row, gold)), None)
        if place is None:
            return False
        del left[place]
    return True


# --- one cell -------------------------------------------------------------------------------------


def same_cell(found: Any, gold: Any, rules: Rules = EXACT, scale: int = 1) -> bool:
    """Whether a cell is the gold one; ``scale`` is by what a number is multiplied first."""
    if found is None or gold is None:
        return found is gold
    if isinstance(found, bool) or isinstance(gold, bool):
        return _yes(found) is not None and _yes(found) == _yes(gold)
    if isinstance(found, int | float) and isinstance(gold, int | float):
        return _near(found * scale, gold, rules)
    if scale != 1:
        return False
    if isinstance(found, str) and isinstance(gold, str) and (found == gold or _timeless(found) == _timeless(gold)):
        return True
    yes = _yes(gold)
    if yes is not None and _yes(found) == yes:
        return True
    return _period(found) is not None and _period(found) == _period(gold)


def _near(found: float, gold: float, rules: Rules) -> bool:
    if math.isclose(found, gold, rel_tol=rules.relative, abs_tol=1e-9):
        return True
    if rules.decimals is None:
        return False
    # Rounded, but not so much that nothing is left of it.
    return abs(found - gold) <= 0.5 * 10**-rules.decimals + 1e-9 and math.isclose(found, gold, rel_tol=0.01)


_WORDS: Final = {"true": True, "yes": True, "y": True, "t": True, "false": False, "no": False, "n": False, "f": False}


def _yes(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.lower()) if isinstance(value, str) else None


_MONTHS: Final = {
    name: month
    for month in range(1, 13)
    for name in (dt.date(2000, month, 1).strftime("%B").lower(), dt.date(2000, month, 1).strftime("%b").lower())
}
_TIMELESS: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00(?::?00)?)?")


def _timeless(text: str) -> str:
    """A timestamp at midnight as its date; other timestamps with a blank and without a zone."""
    if whole := _TIMELESS.fullmatch(text):
        return whole[1]
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(.*?)(?:Z|\+00:?00)?$", r"\1 \2", text)


def _period(value: Any) -> tuple[str, int, int, int] | tuple[str, int] | None:
    """A date, month, quarter, week or year as its first day; one of any year as its number."""
    if isinstance(value, int):
        return ("day", value, 1, 1) if 1000 <= value <= 2999 else ("number", value)
    if not isinstance(value, str):
        return None
    text = _timeless(value.strip())
    if text.lower() in _MONTHS:
        return ("number", _MONTHS[text.lower()])
    if found := re.fullmatch(r"Q([1-4])", text, re.IGNORECASE):
        return ("number", int(found[1]))
    try:
        if found := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text):
            return _day(dt.date(int(found[1]), int(found[2]), int(found[3])))
        if found := re.fullmatch(r"(\d{4})-(\d\d)", text):
            return _day(dt.date(int(found[1]), int(found[2]), 1))
        if found := re.fullmatch(r"(\d{4})[- ]?Q([1-4])", text, re.IGNORECASE):
            return _day(dt.date(int(found[1]), 3 * int(found[2]) - 2, 1))
        if found := re.fullmatch(r"(\d{4})-?W(\d\d)", text, re.IGNORECASE):
            return _day(dt.date.fromisocalendar(int(found[1]), int(found[2]), 1))
        if found := re.fullmatch(r"\d{4}", text):
            return _day(dt.date(int(text), 1, 1))
    except ValueError:
        return None
    return None


def _day(date: dt.date) -> tuple[str, int, int, int]:
    return ("day", date.year, date.month, date.day)
