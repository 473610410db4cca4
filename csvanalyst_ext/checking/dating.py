"""The dates that prose states, whole and in parts.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from . import lexicon as lex


@dataclass(frozen=True, slots=True)
class DateToken:
    """A date or a part of one; what was not written is ``None``."""

    text: str
    start: int
    end: int
    year: int | None = None
    quarter: int | None = None
    month: int | None = None
    day: int | None = None
    alternative: tuple[int, int] | None = None  # 05/04/2013: month and day the other way round

    @property
    def specific(self) -> bool:
        return self.day is not None or (self.year is not None and (self.month or self.quarter) is not None)


_MONTH: Final = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR: Final = r"(?P<{0}>1[5-9]\d\d|20\d\d|21\d\d)"
_DATES: Final = re.compile(
    "|".join(
        (
            r"\b(?P<y1>\d{4})[-/](?P<m1>\d{1,2})[-/](?P<d1>\d{1,2})\b",
            r"\b(?P<y2>\d{4})-(?P<m2>0[1-9]|1[0-2])\b(?![-\d])",
            r"\b" + _MONTH.format("n3") + r"\.?\s+(?P<d3>\d{1,2})(?:st|nd|rd|th)?\b(?!,\d{3})(?:,?\s+"
            + _YEAR.format("y3") + r"\b(?![,.]\d))?",
            r"\b(?P<d4>\d{1,2})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?" + _MONTH.format("n4") + r"\b\.?(?:,?\s+"
            + _YEAR.format("y4") + r"\b)?",
            r"\b" + _MONTH.format("n5") + r"\b\.?,?\s+(?:of\s+)?" + _YEAR.format("y5") + r"\b(?![,.]\d)",
            r"\b(?P<a6>\d{1,2})[/.](?P<b6>\d{1,2})[/.](?P<y6>\d{4})\b",
            r"\bQ(?P<q7>[1-4])(?:[ /-]?(?:of\s+)?" + _YEAR.format("y7") + r")?\b",
            r"\b" + _YEAR.format("y8") + r"[ -]?Q(?P<q8>[1-4])\b",
            r"\b(?P<o9>first|second|third|fourth) quarter(?:\s+of\s+" + _YEAR.format("y9") + r")?\b",
            r"\b" + _MONTH.format("n10") + r"\b",
        )
    ),
    re.I,
)  # fmt: skip


def dates(text: str) -> list[DateToken]:
    """The dates of a masked text.  A month alone is there too: it may name a row."""
    found = []
    for m in _DATES.finditer(text):
        groups = {key[0]: value for key, value in m.groupdict().items() if value is not None}
        month = int(groups["m"]) if "m" in groups else _month(groups.get("n", ""))
        day = int(groups["d"]) if "d" in groups else None
        year = int(groups["y"]) if "y" in groups else None
        quarter = int(groups["q"]) if "q" in groups else lex.ORDINALS.get(groups.get("o", "").lower())
        alternative = None
        if "a" in groups:
            one, two = int(groups["a"]), int(groups["b"])
            month, day = (one, two) if one <= 12 else (two, one)
            alternative = (two, one) if two <= 12 else None
        if "n" in groups and day is None and year is None and not m[0][0].isupper():
            continue  # "may", "march"
        if "n" in groups and day is None and year is None and m[0].lower() in ("may", "mar") and _verb(text, m.end()):
            continue
        if (month or 1) > 12 or (day or 1) > 31 or month == 0 or day == 0:
            continue
        found.append(DateToken(m[0], m.start(), m.end(), year, quarter, month, day, alternative))
    return found


def _verb(text: str, at: int) -> bool:
    return text[at:].lstrip().split(" ", 1)[0] in ("be", "have", "not", "also", "differ")


def _month(name: str) -> int | None:
    short = name.lower()[:3]
    return next((n for n, month in enumerate(lex.MONTHS, 1) if short and month.startswith(short)), None)
