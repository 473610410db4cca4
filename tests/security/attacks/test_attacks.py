"""Every attack that is one SQL statement or one piece of Python, against real sandboxes.

What each may cost is in the case; what none may cost (see ``ground.Ground.attack``) is checked for all.  SQL runs
twice, with the gate and without it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.providers import Provider

from . import channel_cases, process_cases, python_cases, sql_cases
from .case import AttackCase
from .ground import Ground
from .layers import held_by

CASES = [*python_cases.CASES, *process_cases.CASES, *channel_cases.CASES, *sql_cases.CASES]


def parameters() -> list[object]:
    passes = [(case, gate) for gate in (True, False) for case in CASES if gate or case.kind == "sql"]
    return [
        pytest.param(
            case, gate, id=case.id if gate else f"{case.id}-no_gate", marks=pytest.mark.attack(case.number, case.name)
        )
        for case, gate in passes
    ]


@pytest.mark.parametrize(("case", "gate"), parameters())
def test_an_attack_is_contained(
    case: AttackCase, gate: bool, provider: Provider, ground: Ground, held: Callable[..., None]
) -> None:
    results = ground.attack(case, gate=gate)
    for seen in results:
        case.expected(provider.name, gate=gate)(seen)
        held(*held_by(seen, gate=gate, otherwise=case.contained_by))


def test_no_two_cases_have_the_same_name() -> None:
    names = [case.id for case in CASES]
    assert sorted(set(names)) == sorted(names)
