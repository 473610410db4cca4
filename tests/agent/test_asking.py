"""A conversation through a whole session: follow-ups, undo, dry runs, nobody to ask, charts in the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.agent.charts import MIME
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import ModelError, UsageError
from csvanalyst_ext.frontends import options
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.views import pages
from tests.support.fakes import open_fake, table_outcome

from .conftest import Run
from .support import AT_ONCE

MODEL = "openai/scripted"
SALES = table_outcome(pa.table({"city": ["Rome", "Oslo"], "total": [3, 4]}))
BAR = {"mark": "bar", "encoding": {"x": {"field": "city"}, "y": {"field": "total"}}}


def session_at(server: ScriptedModel, home: Path, **settings: Any) -> Any:
    chosen = Settings(home=home, api_base=server.api_base, model_access="loopback", model=MODEL, **settings)
    return open_fake(chosen, {"SELECT 1": SALES}, gateway=Gateway(chosen, patience=AT_ONCE))


def contents(body: dict[str, Any]) -> list[str]:
    return [message.get("content") or "" for message in body["messages"][1:]]


# --- conversation ---------------------------------------------------------------------------------


def test_a_follow_up_is_sent_with_what_was_said_before_and_undo_takes_it_back(run: Run, tmp_path: Path) -> None:
    with ScriptedModel([say("Yes."), say("No."), say("Perhaps.")]) as server:
        session = session_at(server, tmp_path)
        run(session.ask(parse("First?")))
        run(session.ask(parse("Second?")))
        assert run(session.undo()) == "Second?"
        run(session.ask(parse("Third?")))
    assert contents(server.requests[1].body)[-1] == "Second?" and len(contents(server.requests[1].body)) == 3
    assert contents(server.requests[2].body)[0] == "First?" and "Second?" not in contents(server.requests[2].body)


def test_there_is_an_end_of_undo(run: Run, tmp_path: Path) -> None:
    with ScriptedModel([say("Yes.")]) as server:
        session = session_at(server, tmp_path)
        assert run(session.undo()) is None
        run(session.ask(parse("First?")))
        assert (run(session.undo()), run(session.undo())) == ("First?", None)


def test_reset_forgets_the_conversation(run: Run, tmp_path: Path) -> None:
    with ScriptedModel([say("Yes."), say("No.")]) as server:
        session = session_at(server, tmp_path)
        run(session.ask(parse("First?")))
        run(session.reset())
        run(session.ask(parse("Second?")))
    assert contents(server.requests[1].body) == ["Second?"]


# --- dry run --------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(run: Run, tmp_path: Path) -> None:
    with ScriptedModel([say("Yes.")]) as server:
        session = session_at(server, tmp_path)
        drafted = run(session.draft(parse("How many?", max_steps=3, max_cost=0.5)))
        assert server.requests == [] and session.executor.requests == []
        run(session.ask(parse("How many?")))
    body = server.requests[0].body
    assert list(drafted.messages) == body["messages"] and list(drafted.tools) == body["tools"]
    shown = str(pages.draft(drafted))
    assert "How many?" in shown and "run_sql" in shown and "not known" in shown and "3 steps" in shown
    assert json.loads(json.dumps(drafted.json()))["limits"]["max_cost"] == 0.5


def test_a_dry_run_states_the_price_of_the_first_request(run: Run, tmp_path: Path) -> None:
    with ScriptedModel() as server:
        session = session_at(server, tmp_path)
        drafted = run(session.draft(parse("How many?", model="openai/gpt-4o-mini")))
    assert drafted.price == pytest.approx(drafted.tokens * 0.15e-6) and drafted.tokens > 500


def test_a_dry_run_of_code_shows_the_code_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    with ScriptedModel() as server:
        session = session_at(server, tmp_path)
        drafted = run(session.draft(parse("SQL: SELECT 1")))
    assert "SELECT 1" in str(pages.draft(drafted)) and session.executor.requests == [] and drafted.messages == ()


def test_a_dry_run_says_when_the_model_could_not_be_called(run: Run, tmp_path: Path) -> None:
    with ScriptedModel() as server:
        session = session_at(server, tmp_path)
        with pytest.raises(ModelError) as caught:
            run(session.draft(parse("How many?", model="nonsense/model")))
    assert caught.value.code == "model_not_found"


# --- nobody to ask --------------------------------------------------------------------------------


def test_with_nobody_to_ask_the_model_assumes_and_the_answer_says_what(run: Run, tmp_path: Path) -> None:
    asked = call("ask_user", question="Which delay?", choices=["departure", "arrival"])
    with ScriptedModel([asked, say("Departures.")]) as server:
        outcome = run(session_at(server, tmp_path).ask(parse("What delay?", may_ask=False)))
    assert (outcome.status, outcome.prose) == ("ok", "Departures.")
    assert outcome.notes == ("Not asked, since nobody was there: Which delay? (departure; arrival)",)
    assert '"asked":false' in contents(server.requests[1].body)[-1]


def test_the_offline_planner_never_assumes(run: Run, tmp_path: Path) -> None:
    session = open_fake(Settings(home=tmp_path))
    outcome = run(session.ask(parse("What is the meaning of it all?", may_ask=False)))
    assert outcome.status == "clarify"


# --- charts ---------------------------------------------------------------------------------------


def test_a_chart_is_in_the_answer_in_its_capsule_and_in_its_json(run: Run, tmp_path: Path) -> None:
    turns = [call("run_sql", sql="SELECT 1"), call("make_chart", result="r1", spec=BAR), say("See the chart.")]
    with ScriptedModel(turns) as server:
        session = session_at(server, tmp_path)
        session.executor.answers["SELECT * FROM r1 LIMIT 5001"] = SALES
        outcome = run(session.ask(parse("Draw it."))).raise_for_status()
    answer = Answer(outcome)
    assert answer.chart is not None and answer.chart["data"]["values"][0] == {"city": "Rome", "total": 3}
    assert answer.json()["chart"] == answer.chart and "bar chart of total by city" in str(answer)
    (kept,) = outcome.capsule.glob("**/*.vl.json")
    assert json.loads(kept.read_text()) == answer.chart
    assert MIME not in answer._repr_mimebundle_(), "beside HTML a viewer would show only the HTML"
    assert len(answer.df()) == 2


# --- options --------------------------------------------------------------------------------------


def test_the_limits_of_one_question_are_options_of_its_cell() -> None:
    asked = options.read_ask(["--max-steps", "3", "--max-cost", "0.05", "--no-ask", "--dry-run"])
    assert (asked.max_steps, asked.max_cost, asked.may_ask, asked.dry_run) == (3, 0.05, False, True)


@pytest.mark.parametrize("wrong", [{"max_steps": 0}, {"max_cost": 0.0}, {"max_cost": float("inf")}])
def test_a_limit_that_is_none_is_a_clear_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        parse("How many?", **wrong)


def test_the_limits_of_one_question_are_kept(run: Run, tmp_path: Path) -> None:
    with ScriptedModel(then=call("list_datasets")) as server:
        outcome = run(session_at(server, tmp_path).ask(parse("How many?", max_steps=2)))
    assert outcome.error is not None and outcome.error.code == "agent_limit_steps" and len(server.requests) == 2
