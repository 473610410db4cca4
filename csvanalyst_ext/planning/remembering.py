"""Rules that are followed once at each place of a question, since many others meet them there.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Protocol, TypeVar, cast


class _Remembers(Protocol):
    memo: dict[tuple[str, int], list[Any]]


_S = TypeVar("_S", bound=_Remembers)
_T = TypeVar("_T")


def remembered(rule: Callable[[_S, int], Iterator[_T]]) -> Callable[[_S, int], list[_T]]:
    """The rule, followed once at each place of a question."""
    name = rule.__name__

    @wraps(rule)
    def found(self: _S, at: int) -> list[_T]:
        place = (name, at)
        if place not in self.memo:
            self.memo[place] = list(rule(self, at))
        return cast("list[_T]", self.memo[place])

    return found
