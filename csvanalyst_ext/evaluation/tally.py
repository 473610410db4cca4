"""Counting verdicts.  Pure; runs on the host."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .scoring import Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question, asked once.

    ``answerable`` says whether a right answer is known; where not, ``right`` means that it asked or said so.
    ``cost`` is in US dollars, ``seconds`` wall time, ``repairs`` the steps that failed and were followed by
    another, ``unverified`` the numbers of the prose that were not found in the results; ``None`` is
    unknown.  ``sql`` is what it ran last, ``note`` what it said.
    """

    id: str
    kind: str
    ask: tuple[str, ...]
    verdict: Verdict
    answerable: bool
    status: str = "ok"
    seconds: float = 0.0
    cost: float | None = None
    repairs: int = 0
    unverified: int | None = None
    sql: str | None = None
    rows: tuple[tuple[Any, ...], ...] | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 4)}


@dataclass(frozen=True, slots=True)
class Count:
    """The verdicts of some attempts.  Shares are between 0 and 1, ``None`` when there is nothing to share.

    ``asked`` of them, ``answerable`` have a right answer, ``answered`` of those got an answer, which is right for
    ``correct``.  ``fooled`` are questions that nobody could answer and that got an answer all the same.  ``right``
    counts ``correct`` and those that rightly were asked back; ``failed`` ended in an error.
    """

    asked: int
    answerable: int
    answered: int
    correct: int
    fooled: int
    right: int
    failed: int

    @property
    def coverage(self) -> float | None:
        """The share of answerable questions that got an answer, right or wrong."""
        return _share(self.answered, self.answerable)

    @property
    def precision(self) -> float | None:
        """The share of the answers given that are right."""
        return _share(self.correct, self.answered + self.fooled)

    @property
    def accuracy(self) -> float | None:
        """The share of all questions that were dealt with rightly."""
        return _share(self.right, self.asked)

    def to_json(self) -> dict[str, Any]:
        shares = {"coverage": self.coverage, "precision": self.precision, "accuracy": self.accuracy}
        return {**asdict(self), **{name: None if x is None else round(x, 4) for name, x in shares.items()}}


def count(attempts: Iterable[Attempt]) -> Count:
    every = list(attempts)
    answers = [a for a in every if a.answerable and a.verdict in (Verdict.RIGHT, Verdict.WRONG)]
    return Count(
        asked=len(every),
        answerable=sum(a.answerable for a in every),
        answered=len(answers),
        correct=sum(a.verdict is Verdict.RIGHT for a in answers),
        fooled=sum(a.verdict is Verdict.WRONG for a in every if not a.answerable),
        right=sum(a.verdict is Verdict.RIGHT for a in every),
        failed=sum(a.verdict is Verdict.FAILED for a in every),
    )


def by_kind(attempts: Sequence[Attempt]) -> dict[str, tuple[Attempt, ...]]:
    """The attempts of each kind, kinds in the order of their first question."""
    kinds = dict.fromkeys(attempt.kind for attempt in attempts)
    return {kind: tuple(a for a in attempts if a.kind == kind) for kind in kinds}


def pass_hat(attempts: Iterable[Attempt], k: int) -> float | None:
    """pass^k: how likely ``k`` tries at one question are all right, averaged over the questions that were
    asked at least ``k`` times (Yao et al., tau-bench, 2024); ``None`` without such a question."""
    tries: dict[str, list[bool]] = {}
    for attempt in attempts:
        tries.setdefault(attempt.id, []).append(attempt.verdict is Verdict.RIGHT)
    shares = [math.comb(sum(found), k) / math.comb(len(found), k) for found in tries.values() if len(found) >= k]
    return sum(shares) / len(shares) if shares else None


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; ``None`` when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
