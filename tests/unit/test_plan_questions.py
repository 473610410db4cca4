"""``PLAN:`` questions over a fake sandbox: what runs, what is kept, what is said of a mistake."""

import asyncio
import json

import pytest

from csvanalyst_ext.answer import Answer
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import PlanError
from csvanalyst_ext.protocol import SqlRequest
from csvanalyst_ext.session.question import parse
from tests.support.fakes import open_fake

PLAN = "PLAN:\n  from: A\n  group_by: B\n  measures: [count]\n"
SQL = 'SELECT "b", count(*) AS "rows"\nFROM "a"\nGROUP BY "b"\nORDER BY "b"'


@pytest.fixture
def session(tmp_path):
    return open_fake(Settings(home=tmp_path / "home"))


def asked(session, tmp_path, text, **options):
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")

    async def steps():
        await session.add(str(tmp_path / "a.csv"))
        return await session.ask(parse(text, **options))

    return asyncio.run(steps())


@pytest.mark.parametrize(
    "text", [PLAN, 'plan: {"from": "a", "group_by": ["b"], "measures": ["count"]}', "{from: a, group_by: b}"]
)
def test_a_plan_runs_as_its_sql_without_a_model(session, tmp_path, text):
    text = text.replace("group_by: b}", "group_by: b, measures: count}")
    run = asked(session, tmp_path, text, **({} if ":" in text[:5] else {"mode": "plan"}))
    (request,) = [r for r in session.executor.requests if isinstance(r, SqlRequest)]
    assert request.text == SQL
    assert (run.status, run.model, run.steps[0].tool, run.steps[0].code) == ("ok", "", "run_plan", SQL)


def test_the_capsule_keeps_the_question_the_exact_plan_and_the_sql(session, tmp_path):
    run = asked(session, tmp_path, PLAN)
    record = json.loads((run.capsule / "capsule.json").read_text())
    assert (record["mode"], record["steps"][0]["code"]) == ("plan", SQL)
    assert record["steps"][0]["arguments"]["plan"] == {
        "version": 1,
        "from": "a",
        "group_by": ["b"],
        "measures": ["count"],
    }


def test_the_answer_has_the_sql_the_plan_and_the_table(session, tmp_path):
    answer = Answer(asked(session, tmp_path, PLAN))
    assert (answer.sql, answer.plan["group_by"], answer.json()["plan"]) == (SQL, ["b"], answer.plan)
    assert len(answer.df()) == answer.json()["row_count"]
    shown = answer._repr_mimebundle_()
    assert "GROUP BY" in shown["text/html"] and "Plan" in shown["text/html"]


def test_other_questions_have_no_plan(session, tmp_path):
    assert Answer(asked(session, tmp_path, "SQL: SELECT 1")).plan is None


def test_a_dry_run_shows_the_sql_and_runs_nothing(session, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")

    async def steps():
        await session.add(str(tmp_path / "a.csv"))
        return await session.draft(parse(PLAN))

    assert asyncio.run(steps()).code == SQL
    assert not [r for r in session.executor.requests if isinstance(r, SqlRequest)]


def test_a_mistake_is_told_before_anything_runs(session, tmp_path):
    run = asked(session, tmp_path, "PLAN: {from: a, group_by: [b, c]}")
    assert isinstance(run.error, PlanError)
    assert (run.error.code, run.error.details["path"]) == ("plan_unknown_column", "group_by[1].column")
    assert run.error.details["valid"] == ["a", "b"]
    assert not [r for r in session.executor.requests if isinstance(r, SqlRequest)]
