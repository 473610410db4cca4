"""A number of the prose: its value, precision, unit and the words around it.

Runs on the host; pure data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Hedge = Literal["", "about", "above", "below"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a number: its value, and half the unit of its last written digit."""

    value: float
    half: float


@dataclass(frozen=True, slots=True)
class Token:
    """A number of the prose.  ``sign`` is -1 or 1 where one was written, else 0.

    ``form``: ``number``, ``percent``, ``times`` (2.5x, twice), ``fraction`` (half, 3/4), ``count``
    (a number word), ``year`` (four bare digits) or ``clock`` (14:30).  ``unit`` is a key of ``lexicon.UNITS``.
    """

    text: str
    start: int
    end: int
    form: Literal["number", "percent", "times", "fraction", "count", "year", "clock"]
    readings: tuple[Reading, ...]
    sign: int = 0
    hedge: Hedge = ""
    unit: str = ""
    points: bool = False
    before: str = ""
    after: str = ""

    @property
    def value(self) -> float:
        return self.readings[0].value

    @property
    def whole(self) -> bool:
        return float(self.value).is_integer()
