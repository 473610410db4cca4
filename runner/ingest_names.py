"""Whether there is a header, and what the columns are called.

Runs in the sandbox, in the ingest worker.  Pure functions over texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from .ingest_faults import shown
from .ingest_nulls import is_na

MAX_NAME: Final = 255
_NUMBER: Final = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)([eE][+-]?\d+)?%?")
_DATE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}.*)?")
_INVISIBLE: Final = dict.fromkeys((0x200B, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def kind(text: str) -> str:
    """``empty``, ``number``, ``date`` or ``text``."""
    text = text.strip()
    if not text or is_na(text):
        return "empty"
    if _DATE.fullmatch(text):
        return "date"
    return "number" if _NUMBER.fullmatch(text) else "text"


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns.  A header is assumed unless the record looks
    like the ones below it: a number over numbers, a date over dates."""
    first, rest = rows[0], rows[1:101]
    kinds = [kind(cell) for cell in first]
    if all(k == "empty" for k in kinds):
        return False
    below = [_column_kind([row[place] for row in rest if place < len(row)]) for place in range(len(first))]
    plain = [place for place, k in enumerate(kinds) if k in ("number", "date")]
    if not plain:
        return not _repeats(first, rest)
    if any(k == "text" and b in ("number", "date") for k, b in zip(kinds, below, strict=True)):
        return True
    if any(k == "date" and below[place] == "number" for place, k in enumerate(kinds)):
        return True
    return _labels([first[place].strip() for place in plain], len(plain) < len(first), rest, plain)


def _labels(cells: list[str], others: bool, rest: Sequence[Sequence[str]], places: list[int]) -> bool:
    """Whether numbers in a first line are labels: years over values that are not years, or 0, 1, 2 …"""
    if not all(cell.isascii() and cell.isdigit() for cell in cells) or len(set(cells)) < len(cells):
        return False
    numbers = [int(cell) for cell in cells]
    if all(1000 <= number <= 2999 for number in numbers) and (others or len(numbers) > 1):
        values = [row[place].strip() for row in rest for place in places if place < len(row)]
        years = sum(value.isdigit() and 1000 <= int(value[:9]) <= 2999 for value in values)
        return years < 0.9 * len(values) or not values
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1) and len(numbers) > 2


def _column_kind(cells: list[str]) -> str:
    """The kind of at least 80 % of the cells that are not empty."""
    kinds = [k for k in map(kind, cells) if k != "empty"]
    for candidate in ("number", "date", "text"):
        if kinds and kinds.count(candidate) >= 0.8 * len(kinds):
            return candidate
    return "empty" if not kinds else "mixed"


def _repeats(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether every cell of a first line of texts occurs again below it, each in its own column."""
    if len(rest) < 3 or list(first) in [list(row) for row in rest]:
        return False
    return all(any(place < len(row) and row[place] == cell for row in rest) for place, cell in enumerate(first))


def clean_names(raw: Sequence[str]) -> tuple[list[str], list[str]]:
    """Usable, unique column names and a sentence for each kind of change.

    Blanks around a name and control characters go; an empty name becomes ``column3``; names over
    255 characters are cut; a name that was there before, in any case, gets ``_2``.
    """
    names: list[str] = []
    changed: dict[str, list[str]] = {}
    taken = {_tidy(name)[:MAX_NAME].casefold() for name in raw} - {""}
    used: set[str] = set()
    last: dict[str, int] = {}
    for place, old in enumerate(raw, 1):
        name = _tidy(old)
        if name != old:
            changed.setdefault("cleaned of blanks or control characters", []).append(f"{shown(old)} is {shown(name)}")
        if not name:
            name = f"column{place}" if f"column{place}" not in taken else _unused(f"column{place}", taken, 2)[0]
            changed.setdefault("empty in the header", []).append(f"number {place} is {shown(name)}")
        if len(name) > MAX_NAME:
            changed.setdefault(f"cut to {MAX_NAME} characters", []).append(shown(name, 30))
            name = name[:MAX_NAME]
        if name.casefold() in used:
            again, last[name] = _unused(name, taken, last.get(name, 1) + 1)
            changed.setdefault("there more than once", []).append(f"{shown(name)} at number {place} is {shown(again)}")
            name = again
        used.add(name.casefold())
        taken.add(name.casefold())
        names.append(name)
    return names, [_sentence(what, cases) for what, cases in changed.items()]


def _sentence(what: str, cases: list[str]) -> str:
    more = f", and {len(cases) - 5:,} more" if len(cases) > 5 else ""
    return f"Column names {what}: {', '.join(cases[:5])}{more}."


def _tidy(name: str) -> str:
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in name.translate(_INVISIBLE)).strip()


def _unused(name: str, taken: set[str], number: int) -> tuple[str, int]:
    """``name`` with the first free number from ``number`` on, and that number."""
    while True:
        tail = f"_{number}"
        candidate = name[: MAX_NAME - len(tail)] + tail
        if candidate.casefold() not in taken:
            return candidate, number
        number += 1
