"""Five thousand seeded cases of the fuzzing runner; ``make fuzz`` runs a hundred thousand (see ``tests/fuzz``)."""

from __future__ import annotations

import os

import pytest

from tests.fuzz import cases, judge, runs
from tests.fuzz.__main__ import SEED, last_line, table
from tests.fuzz.script import QUERY, Script

CASES = 5000


def test_whatever_a_runner_sends_is_an_answer_or_a_typed_error() -> None:
    summary = runs.run(SEED, CASES, workers=min(4, os.cpu_count() or 1))
    print(table(summary))
    assert summary.clean, table(summary)
    assert summary.total("cases") == CASES
    assert set(summary.kinds) == {*cases.KINDS, *cases.RARE}, "every kind has its turn"
    for name, kind in summary.kinds.items():
        assert len(kind.words) > 1 or name in ("honest", "cancel"), f"{name} always ends the same way"


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    for number in range(0, 400, 7):
        assert cases.script_of(5, number) == cases.script_of(5, number)
        assert cases.script_of(5, number).kind == cases.kind_of(5, number)
    assert cases.script_of(5, 1) != cases.script_of(6, 1)


def test_a_worker_that_crashes_costs_one_case_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSVANALYST_FUZZ_CRASH", "3")
    summary = runs.run(SEED, 6, workers=1, kind="ends")
    assert [(failure["case"], failure["what"]) for failure in summary.failures] == [(3, "crash -11")]
    assert "Segmentation fault" in summary.failures[0]["trace"]
    assert summary.total("cases") == 6
    assert "1 crashes" in last_line(summary)


def test_a_worker_that_hangs_costs_one_case_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSVANALYST_FUZZ_HANG", "3")
    monkeypatch.setattr(runs, "SILENCE", 10.0)
    summary = runs.run(SEED, 5, workers=1, kind="ends")
    assert [(failure["case"], failure["what"]) for failure in summary.failures] == [(3, "hang")]
    assert summary.total("hangs") == 1


def test_the_judge_takes_no_lie_for_an_answer() -> None:
    from csvanalyst_ext.execution.base import Outcome

    with pytest.raises(judge.Fault, match="lie"):
        judge.judge(Script("x", (), (), QUERY, refused=True), [Outcome("ok")], thorough=False)
    with pytest.raises(judge.Fault, match="another kind"):
        from csvanalyst_ext.errors import DataError

        judge.judge(Script("x", (), ()), [DataError("x", "y")], thorough=False)
