"""The words for quantiles: "90th percentile", "upper quartile", "third quartile".  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

_NAMED: Final = {
    **dict.fromkeys(("upper quartile", "third quartile", "3rd quartile", "top quartile"), 0.75),
    **dict.fromkeys(("lower quartile", "first quartile", "1st quartile", "bottom quartile"), 0.25),
    **dict.fromkeys(("second quartile", "2nd quartile"), 0.5),
}
_PERCENTILE: Final = ("percentile", "percent quantile")
_NUMBER: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?$", re.ASCII)


class _Words(Protocol):
    def norm(self, at: int) -> str: ...

    def phrase(self, at: int, phrases: Iterable[str]) -> Iterator[tuple[int, str]]: ...


def quantiles(phrases: _Words, at: int) -> Iterator[tuple[int, float]]:
    """Each quantile that is named at ``at``, as a number above 0 and below 1."""
    for end, word in phrases.phrase(at, _NAMED):
        yield end, _NAMED[word]
    written = _NUMBER.match(phrases.norm(at))
    if written and int(written[1]) > 0:
        for end, _ in phrases.phrase(at + 1, _PERCENTILE):
            yield end, int(written[1]) / 100


WORDS: Final = frozenset(" ".join((*_NAMED, *_PERCENTILE, "interquartile range")).split())
