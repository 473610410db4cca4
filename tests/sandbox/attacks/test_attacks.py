"""Every attack that is one SQL statement or one piece of Python, against the real sandbox.

What each may cost is in the case; what none may cost (see ``ground.Ground.attack``) is checked for all.
"""

from __future__ import annotations

import pytest

from . import channel_cases, process_cases, python_cases, sql_cases
from .case import AttackCase
from .ground import Ground
from .score import Score

CASES = [*python_cases.CASES, *process_cases.CASES, *channel_cases.CASES, *sql_cases.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_an_attack_is_contained(case: AttackCase, ground: Ground, score: Score) -> None:
    line = score.begin(case.number, case.name, *case.contained_by)
    results = ground.attack(case)
    for seen in results:
        case.expect(seen)
    score.hold(line, " ".join(filter(None, (results[-1].status, results[-1].code))))


def test_no_two_cases_have_the_same_name() -> None:
    names = [case.id for case in CASES]
    assert sorted(set(names)) == sorted(names)
