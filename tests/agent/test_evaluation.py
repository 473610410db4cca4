"""The evaluation itself: its answers are those of its SQL, its halves are alike, and it can fail."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.evaluation.scoring import Verdict, judge
from csvanalyst_ext.evaluation.suite import Gold, Item
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.rendering.values import json_rows

from .conftest import Run
from .evaluation import __main__ as command
from .evaluation import harness

EVERY = harness.items((*harness.OPEN, *harness.LATER, *harness.HELD_BACK))
KINDS = 27


@pytest.fixture(scope="module")
def benches() -> harness.Benches:
    return harness.Benches(EVERY)


@pytest.mark.parametrize("item", [item for item in EVERY if item.golds], ids=lambda item: item.id)
def test_the_rows_are_those_of_the_sql(benches: harness.Benches, item: Item) -> None:
    for gold in item.golds:
        rows = json_rows(benches.of(item).connection.sql(gold.sql).to_arrow_table())
        assert judge(replace(item, golds=(gold,), kind="exact"), "ok", rows) is Verdict.RIGHT, gold.sql
        assert all(math.isfinite(value) for row in gold.rows for value in row if isinstance(value, float))


@pytest.mark.parametrize("item", [item for item in EVERY if item.golds], ids=lambda item: item.id)
def test_no_tie_decides_what_a_limit_cuts_off(benches: harness.Benches, item: Item) -> None:
    """Where the SQL ends with LIMIT, another order of equal rows gives the same answer."""
    for gold in item.golds:
        head, limit, tail = gold.sql.rpartition(" LIMIT ")
        if limit:
            rows = json_rows(benches.of(item).connection.sql(f"{head}, random() LIMIT {tail}").to_arrow_table())
            assert judge(replace(item, golds=(gold,)), "ok", rows) is Verdict.RIGHT


def test_there_are_enough_questions_of_every_kind_and_the_halves_are_alike() -> None:
    halves = [Counter(item.kind for item in harness.items(paths)) for paths in (harness.OPEN, harness.HELD_BACK)]
    assert sum(sum(half.values()) for half in halves) >= 500
    assert set(halves[0]) == set(halves[1])
    assert len(halves[0]) == KINDS
    assert all(abs(halves[0][kind] - halves[1][kind]) <= 4 for kind in halves[0])


def test_no_question_is_in_both_halves_and_no_id_twice() -> None:
    assert len({item.id for item in EVERY}) == len(EVERY)
    assert len({(item.data, item.tables, item.ask) for item in EVERY}) == len(EVERY)


def test_half_the_questions_are_about_data_that_is_not_shipped() -> None:
    invented = {item.data for item in EVERY if item.data is not None}
    assert len(invented) >= 12
    assert sum(item.data is not None for item in EVERY) >= 250


# --- it can fail ------------------------------------------------------------------------------------

STUDENTS = next(item for item in EVERY if item.id == "school-count-01")


@pytest.fixture
def asked(run: Run, benches: harness.Benches) -> Callable[[Item], Verdict]:
    gateway = Gateway(Settings(model_access="offline"))
    return lambda item: harness.ask(run, gateway, benches.of(item), item).verdict


def test_a_right_answer_is_right_and_another_is_wrong(asked: Callable[[Item], Verdict]) -> None:
    item = replace(STUDENTS, tables=("students",), ask=("How many students are there?",))
    assert asked(item) is Verdict.RIGHT
    assert asked(replace(item, golds=(Gold("SELECT 37", ((37,),)),))) is Verdict.WRONG


def test_an_answer_to_what_cannot_be_answered_is_wrong(asked: Callable[[Item], Verdict]) -> None:
    item = replace(STUDENTS, tables=("students",), ask=("How many students are there?",), golds=())
    assert asked(item) is Verdict.WRONG
    assert asked(replace(item, ask=("What is the average shoe size?",))) is Verdict.RIGHT


def test_of_a_conversation_the_last_answer_is_judged(asked: Callable[[Item], Verdict]) -> None:
    item = replace(STUDENTS, tables=("students",), ask=("average age", "How many students are there?"))
    assert asked(item) is Verdict.RIGHT
    assert asked(replace(item, ask=tuple(reversed(item.ask)))) is Verdict.WRONG


# --- the command ----------------------------------------------------------------------------------


def test_of_the_held_back_half_only_numbers_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one = [half[0] for half in (harness.items(harness.OPEN), harness.items(harness.HELD_BACK))]
    wrong: list[Any] = [replace(item, golds=(Gold("SELECT 'no'", (("no",),)),)) for item in one]
    asked = {harness.OPEN: (wrong[0],), harness.LATER: (), harness.HELD_BACK: (wrong[1],)}
    monkeypatch.setattr(harness, "items", asked.get)
    written = tmp_path / "eval.json"

    def shown(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["evaluation", "--json", str(written), *words])
        assert command.main() == 0
        return capsys.readouterr().out + written.read_text("utf-8")

    text = shown()
    assert wrong[0].ask[0] in text
    assert wrong[1].id not in text
    assert wrong[1].ask[0] not in text
    assert json.loads(written.read_text("utf-8"))["held-back"]["all"]["right"] == 0
    assert wrong[1].ask[0] in shown("--show-held-back")
