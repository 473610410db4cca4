"""Marks of checked figures: in the answer, its three forms, its JSON, its capsule, and over a session."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.agent.events import Conclusion, Step
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.checking import CheckedNumber, Result, check
from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say
from csvanalyst_ext.session.figures import Figures
from csvanalyst_ext.session.question import Question, parse
from csvanalyst_ext.session.run import Run
from tests.support import inert
from tests.support.fakes import open_fake, table_outcome
from tests.support.hostile_text import HOSTILE

TABLE = pa.table({"city": ["Rome", "Oslo"], "total": [4280, 3911]})
PROSE = "**Rome** sold 4,280 and Oslo **3,191**."


def answer(prose: str = PROSE, table: pa.Table = TABLE, numbers: tuple[CheckedNumber, ...] | None = None) -> Answer:
    outcome = table_outcome(table)
    step = Step("run_sql", {"sql": "SELECT 1"}, "sql", "SELECT 1", "ok", 0.01, "", None, outcome)
    marks = check(prose, "", [Result("r1", table)]) if numbers is None else numbers
    run = Run("20260131-142233-3fa9c1", Question("How much?"), "m", "ok", prose, (step,), outcome, numbers=marks)
    return Answer(run)


def test_an_answer_tells_of_each_figure_where_it_stands() -> None:
    found, missing = answer().numbers
    assert (found.text, found.status, str(found.where)) == ("4,280", "found", "r1, row 1, column total")
    assert (missing.text, missing.status, missing.where) == ("3,191", "not found", None)
    assert answer().json()["numbers"][1]["status"] == "not found"
    assert all(answer().text[m.span[0] : m.span[1]] == m.text for m in answer().numbers)


def test_the_card_shows_where_a_figure_was_found_and_marks_the_other_in_words() -> None:
    card = answer()._repr_mimebundle_()["text/html"]
    assert '<span class="csva-found" title="found in r1, row 1, column total">4,280</span>' in card
    assert '<b><span class="csva-missing" title="not found in the results">3,191 [?]</span></b>' in card
    assert "[?] not found in the results: 3,191" in card
    assert "1 of 2 figures found in the results" in card


def test_text_and_markdown_mark_what_was_not_found() -> None:
    forms = answer()._repr_mimebundle_()
    assert "Oslo **3,191 [?]**." in forms["text/plain"] and "4,280 and" in forms["text/plain"]
    assert "3,191 &#91;?&#93;" in forms["text/markdown"]


def test_an_answer_without_figures_has_no_marks() -> None:
    card = str(answer("I cannot tell."))
    assert answer("I cannot tell.").numbers == () and "[?]" not in card and "figure" not in card


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_marks_of_hostile_names_are_inert(name: str) -> None:
    text = HOSTILE[name].encode("utf-8", "replace").decode()
    table = pa.table({text: [4280], "label": [text]})
    given = answer(f"4,280 and 77 of {text}", table)
    assert inert.active(given._repr_mimebundle_()) == []


def test_marks_that_no_longer_fit_the_shown_prose_are_left_out() -> None:
    moved = tuple(CheckedNumber("4,280", (3, 8), "number", "not found") for _ in range(1))
    card = answer(numbers=moved)._repr_mimebundle_()["text/html"]
    assert 'csva-missing"' not in card and "[?] not found in the results: 4,280" in card


# --- over a session -------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", model="openai/scripted", model_access="loopback")


def asked(session: Any, *questions: str) -> list[Run]:
    async def all_of_them() -> list[Run]:
        return [await session.ask(parse(question)) for question in questions]

    return asyncio.run(all_of_them())


def session_with(settings: Settings, server: ScriptedModel) -> Any:
    from dataclasses import replace

    outcome = table_outcome(TABLE, name="r1")
    return open_fake(replace(settings, api_base=server.api_base), {"SELECT 1": outcome})


def test_a_session_checks_sends_back_and_keeps_the_marks(settings: Settings) -> None:
    lie = "Rome sold 4,820 and Oslo 3,911."
    with ScriptedModel([call("run_sql", sql="SELECT 1"), say(lie), say(lie)]) as server:
        session = session_with(settings, server)
        (run,) = asked(session, "How much was sold?")
    assert (run.status, [m.status for m in run.numbers]) == ("ok", ["not found", "found"])
    assert len(server.requests) == 3
    assert run.capsule is not None
    record = json.loads((run.capsule / "capsule.json").read_text())
    assert record["numbers"][0] == {
        "text": "4,820", "start": 10, "end": 15, "kind": "number", "status": "not found", "result": None, "row": None,
        "column": None, "how": "",
    }  # fmt: skip
    assert (record["numbers"][1]["result"], record["numbers"][1]["row"]) == ("r1", 2)


def test_a_result_of_an_earlier_question_may_be_cited_until_reset(settings: Settings) -> None:
    turns = [
        call("run_sql", sql="SELECT 1"),
        say("See the table."),
        say("Rome sold 4,280 (r1)."),
        say("4,280 (r1)."),
        say("4,280 (r1)."),
    ]
    with ScriptedModel(turns) as server:
        session = session_with(settings, server)
        _, cited = asked(session, "How much was sold?", "And in Rome?")
        asyncio.run(session.reset())
        (gone,) = asked(session, "And in Rome?")
    assert [m.status for m in cited.numbers] == ["found"]
    assert [m.status for m in gone.numbers] == ["not found"]


def test_explicit_sql_has_no_marks(settings: Settings) -> None:
    with ScriptedModel([]) as server:
        (run,) = asked(session_with(settings, server), "SQL: SELECT 1")
    assert run.numbers == ()


def test_a_large_result_is_not_held_for_later_questions() -> None:
    figures = Figures()
    table = pa.table({"a": list(range(200_000))})
    held = weakref.ref(table)
    step = Step("run_sql", {}, "sql", "SELECT 1", "ok", 0.1, "", None, table_outcome(table, name="r1"))
    figures.mark(parse("How many?"), Conclusion("ok", "There are 3.", (step,)))
    del table, step
    gc.collect()
    assert held() is None
