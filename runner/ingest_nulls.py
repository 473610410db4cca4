"""Texts that stand for a missing value: which they are, and what a person said about them.

Runs in the sandbox, in the ingest worker.  Pure functions over texts.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .ingest_faults import IngestFault, shown


def _spellings(word: str) -> Iterable[str]:
    return map("".join, itertools.product(*(sorted({letter.upper(), letter.lower()}) for letter in word)))


NA_WORDS: Final = (
    *(text for word in ("na", "n/a", "#n/a", "null", "none", "nan") for text in _spellings(word)),
    *("-", "--", ".", "?", "\\N"),
)
"""Texts that stand for a missing value in a column of numbers, dates or truth values, in every spelling: comparing
them as they are is cheaper than changing the case of every cell."""
_SET: Final = frozenset(NA_WORDS)
LONGEST: Final = max(map(len, NA_WORDS))


def is_na(text: str) -> bool:
    return text in _SET


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person said of columns, by their places: texts that mean NULL there, and that it stays text."""

    nulls: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    texts: frozenset[int] = frozenset()

    def cleared(self, place: int, texts: Sequence[str | None]) -> Sequence[str | None]:
        """``texts`` of the column at ``place``, without those that mean NULL there."""
        words = self.nulls.get(place)
        return texts if words is None else [None if text and text.strip(" ") in words else text for text in texts]


def wishes(options: Mapping[str, str | bool], names: Sequence[str]) -> Wishes:
    """The options ``null`` and ``text``: entries on lines of their own, a column each.

    ``null`` also takes ``COLUMN=TEXT``, for one text of any sort; ``COLUMN`` alone means the ``NA_WORDS``.
    Raises ``IngestFault`` (``unknown_column``).
    """
    nulls: dict[int, tuple[str, ...]] = {}
    for entry in _entries(options.get("null")):
        place, word = _column_and_word(entry, names)
        nulls[place] = tuple(dict.fromkeys((*nulls.get(place, ()), *(NA_WORDS if word is None else (word,)))))
    texts = frozenset(_place(entry, entry, names) for entry in _entries(options.get("text")))
    return Wishes(nulls, texts)


def _entries(option: str | bool | None) -> list[str]:
    return [entry for entry in str(option or "").split("\n") if entry.strip()]


def _column_and_word(entry: str, names: Sequence[str]) -> tuple[int, str | None]:
    """A name may hold an equals sign: the longest name that there is counts."""
    place, word, cut = _find(entry, names), None, len(entry)
    while place is None and (cut := entry.rfind("=", 0, cut)) >= 0:
        place, word = _find(entry[:cut], names), entry[cut + 1 :].strip(" ")
    return (_place(entry.partition("=")[0], entry, names), None) if place is None else (place, word)


def _find(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    folded = [known.casefold() for known in names]
    return folded.index(name.strip().casefold()) if name.strip().casefold() in folded else None


def _place(name: str, entry: str, names: Sequence[str]) -> int:
    place = _find(name, names)
    if place is not None:
        return place
    close = difflib.get_close_matches(name, names, 3, 0.5) or names[:10]
    raise IngestFault(
        "unknown_column",
        f"An option speaks of the column {shown(name)}, which the table does not have.",
        f"There is: {', '.join(map(shown, close))}.",
        entry=entry[:200],
    )
