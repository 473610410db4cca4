"""Asks the questions of a suite through an ordinary session.

Runs on the host; everything that touches data goes through the session, hence through the sandbox.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..analyst import Analyst
from ..errors import AnalystError, Cancelled, DataError, EngineUnavailable, ImageUnavailable
from ..rendering.values import json_rows
from ..session.question import Question
from .scoring import ROUNDED, Rules, judge
from .suite import Item
from .tally import Attempt, total

if TYPE_CHECKING:
    from ..answer import Answer

_KEPT_ROWS: Final = 20


def attempts(
    analyst: Analyst, items: Sequence[Item], *, model: str | None = None, repeat: int = 1, rules: Rules = ROUNDED
) -> Iterator[Attempt]:
    """Ask each question ``repeat`` times, one after the other, each in a fresh conversation.

    A question that fails is an attempt like any other.  Raises ``EngineUnavailable`` and ``ImageUnavailable``, since
    then no question can be answered, and ``Cancelled``.
    """
    for item in items:
        for _ in range(repeat):
            yield attempt(analyst, item, model=model, rules=rules)


def attempt(analyst: Analyst, item: Item, *, model: str | None = None, rules: Rules = ROUNDED) -> Attempt:
    """Ask one question, or one conversation, of which the last answer is judged.

    A conversation stops at its first question that is not answered: what follows has nothing to follow.
    """
    started = time.perf_counter()
    answers: list[Answer] = []
    alone = len(item.ask) == 1
    try:
        if not alone:
            analyst.reset()  # nothing of an earlier conversation
        analyst.forget()
        for source in item.sources():
            analyst.add(source, cwd=Path.cwd())
        for text in item.ask:
            answers.append(analyst.ask(Question(text, model=model, alone=alone)))
            if answers[-1].error is not None:
                raise answers[-1].error
    except (Cancelled, EngineUnavailable, ImageUnavailable):
        raise
    except AnalystError as error:
        return _attempt(item, answers, error.status, None, time.perf_counter() - started, rules, error.message)
    last = answers[-1]
    return _attempt(item, answers, last.status, _rows(last), time.perf_counter() - started, rules, last.text)


def _attempt(
    item: Item,
    answers: Sequence[Answer],
    status: str,
    rows: list[list[Any]] | None,
    seconds: float,
    rules: Rules,
    note: str,
) -> Attempt:
    last = answers[-1] if answers else None
    return Attempt(
        id=item.id,
        kind=item.kind,
        ask=item.ask,
        verdict=judge(item, status, rows, rules),
        answerable=bool(item.golds),
        status=status,
        seconds=seconds,
        cost=_cost(answers),
        repairs=sum(_repairs(answer) for answer in answers),
        unverified=0 if last is None else sum(number.status == "not found" for number in last.numbers),
        sql=None if last is None else last.sql,
        rows=None if rows is None else tuple(tuple(row) for row in rows[:_KEPT_ROWS]),
        note=note,
    )


def _rows(answer: Answer) -> list[list[Any]] | None:
    try:
        return json_rows(answer.arrow())
    except DataError:  # it has no table
        return None


def _cost(answers: Sequence[Answer]) -> float | None:
    """The cost of all questions of a conversation; ``None`` when one of them is not known."""
    costs = [answer.cost for answer in answers]
    return None if None in costs else total(costs) or 0.0


def _repairs(answer: Answer) -> int:
    """The SQL and Python steps that failed and were followed by another."""
    ran = [step for step in answer.steps if step.language]
    return sum(step.status != "ok" for step in ran[:-1])
