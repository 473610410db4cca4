"""Text that knows where it comes from, so that one place can decide whether it may leave.

Runs on the host; pure.  All of these are ``str``, and every operation on a string (joining, cutting,
formatting) gives a plain ``str`` again, which has no origin.  The boundary withholds text without an
origin: whoever forgets it sends nothing.  To say more, put two of them side by side (``noted``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Self

from ..datasets.policy import FULL, Policy

See = Callable[[Policy], str]


class Own(str):
    """Words of this program or of the person: prompts, the question, remarks, codes.  Never of data."""

    __slots__ = ()


class Written(str):
    """What a model wrote, and with it what that model had been allowed to see: data set to policy.

    ``cleared`` is ``None`` for a model on this machine, which sees everything.
    """

    __slots__ = ("cleared",)
    cleared: Mapping[str, Policy] | None

    def __new__(cls, text: str, cleared: Mapping[str, Policy] | None) -> Self:
        made = super().__new__(cls, text)
        made.cleared = cleared
        return made


class Reply(str):
    """What a tool found.  The string itself is the reply in full.

    ``datasets`` are the data sets that it comes from, ``None`` for all there are.  ``see(policy)`` is
    what may be told of it under a policy below ``full``; ``None`` for nothing.  ``rows`` is how many
    raw rows the reply in full shows: what it takes from a sample.
    """

    __slots__ = ("datasets", "rows", "see")
    datasets: frozenset[str] | None
    rows: int
    see: See | None

    def __new__(cls, see: See, datasets: frozenset[str] | None, rows: int = 0) -> Self:
        return cls._made(see(FULL), see, datasets, rows)

    @classmethod
    def _made(cls, text: str, see: See, datasets: frozenset[str] | None, rows: int) -> Self:
        made = super().__new__(cls, text)
        made.datasets, made.rows, made.see = datasets, rows, see
        return made

    def noted(self, words: str) -> Reply:
        """The same with a remark of ours below it."""
        see = self.see

        def both(policy: Policy) -> str:
            return f"{see(policy) if see else WITHHELD}\n{words}"

        return self._made(f"{self}\n{words}", both, self.datasets, self.rows)


def noted(text: str, words: str) -> str:
    """``text`` with a remark of ours below it, of the same origin; without an origin it stays without."""
    if isinstance(text, Reply):
        return text.noted(words)
    joined = f"{text}\n{words}"
    return Own(joined) if isinstance(text, Own) else joined


WITHHELD: Final = Own('{"status":"withheld","note":"The person\'s data policy keeps this from you."}')
