"""A model that is wrong about a figure is told so once; what it then says is shown, and marked where it is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from csvanalyst_ext.agent import review
from csvanalyst_ext.agent.events import Conclusion
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.checking import Result
from csvanalyst_ext.datasets.policy import AGGREGATES, FULL
from csvanalyst_ext.llm.chat import NOTE
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, fail, say

from .conftest import Run
from .support import CannedWorkbench, ask, ok

SELECT = "SELECT city, sum(amount) AS total FROM sales GROUP BY 1"
QUESTION = "How much was sold in each city?"
TRUE = "Rome sold 4,280 and Oslo 3,911."
LIE = "Rome sold 4,820 and Oslo 3,911."


def bench() -> CannedWorkbench:
    return CannedWorkbench([ok(city=["Rome", "Oslo"], total=[4280, 3911])])


def asked(run: Run, *turns: Turn, earlier: dict[str, Result] | None = None, **options: Any) -> tuple[Conclusion, Any]:
    with ScriptedModel(turns) as server:
        look = review.reviewer(QUESTION, earlier or {})
        conclusion = run(ask(server, bench(), question=QUESTION, review=look, **options))
    return conclusion, server.requests


def status(conclusion: Conclusion) -> dict[str, str]:
    return {mark.text: mark.status for mark in review.numbers(conclusion, QUESTION, {})}


def sent_back(requests: Any) -> list[str]:
    last = requests[-1].body["messages"]
    return [m["content"] for m in last if m["role"] == "user" and m["content"].startswith(NOTE)]


def test_a_true_answer_is_not_sent_back(run: Run) -> None:
    conclusion, requests = asked(run, call("run_sql", sql=SELECT), say(TRUE))
    assert (conclusion.status, conclusion.prose) == ("ok", TRUE)
    assert len(requests) == 2 and sent_back(requests) == []
    assert status(conclusion) == {"4,280": "found", "3,911": "found"}


def test_a_model_that_may_not_see_the_rows_is_not_told_which_of_its_guesses_are_in_them(run: Run) -> None:
    conclusion, _ = asked(run, call("run_sql", sql=SELECT), say(LIE), say(LIE))
    see = review.reviewer(QUESTION, {})(conclusion)
    assert see is not None
    assert "4,820" in see(FULL)
    assert "4,820" not in see(AGGREGATES) and "{figures}" not in see(AGGREGATES)


def test_a_wrong_figure_is_sent_back_and_the_corrected_answer_stands(run: Run) -> None:
    conclusion, requests = asked(run, call("run_sql", sql=SELECT), say(LIE), say(TRUE))
    assert (conclusion.status, conclusion.prose) == ("ok", TRUE)
    (note,) = sent_back(requests)
    assert "4,820" in note and "3,911" not in note
    assert any("corrected" in said or "correct" in said for said in conclusion.notes)


def test_the_model_may_query_again_before_it_corrects_itself(run: Run) -> None:
    conclusion, _ = asked(
        run, call("run_sql", sql=SELECT), say(LIE), call("run_sql", sql=SELECT + " ORDER BY 2"), say(TRUE)
    )
    assert (conclusion.prose, len(conclusion.steps)) == (TRUE, 2)


def test_a_stubborn_lie_is_sent_back_once_and_stays_marked(run: Run) -> None:
    conclusion, requests = asked(run, call("run_sql", sql=SELECT), say(LIE), say(LIE))
    assert (conclusion.status, conclusion.prose) == ("ok", LIE)
    assert len(requests) == 3
    assert status(conclusion) == {"4,820": "not found", "3,911": "found"}


def test_figures_without_any_query_are_sent_back_once_then_marked(run: Run) -> None:
    guess = "About 5,000 were sold."
    conclusion, requests = asked(run, say(guess), say(guess))
    assert (conclusion.status, conclusion.prose, len(requests)) == ("ok", guess, 2)
    (note,) = sent_back(requests)
    assert "nothing was queried" in note
    assert status(conclusion) == {"5,000": "not found"}


def test_words_without_figures_need_no_query(run: Run) -> None:
    conclusion, requests = asked(run, say("I can answer questions about the table sales."))
    assert (conclusion.status, len(requests)) == ("ok", 1)


def test_a_result_of_an_earlier_question_counts_where_it_is_cited(run: Run) -> None:
    earlier = {"r7": Result("r7", pa.table({"returns": [1337]}))}
    _, cited = asked(run, say("There were 1,337 returns (r7)."), earlier=earlier)
    _, silent = asked(run, say("There were 1,337 returns."), say("I do not know."), earlier=earlier)
    assert (len(cited), len(silent)) == (1, 2)


def test_an_answer_that_does_not_come_again_stands_as_it_was(run: Run) -> None:
    for trouble in (fail(400), say(""), call("run_sql", sql=SELECT)):
        limits = AgentLimits(max_steps=3)
        conclusion, _ = asked(run, call("run_sql", sql=SELECT), say(LIE), trouble, say(""), limits=limits)
        assert (conclusion.status, conclusion.prose) == ("ok", LIE), trouble
        assert status(conclusion)["4,820"] == "not found"


def test_nothing_is_sent_back_when_the_budget_is_used_up(run: Run) -> None:
    conclusion, requests = asked(run, call("run_sql", sql=SELECT), say(LIE), limits=AgentLimits(max_steps=2))
    assert (conclusion.prose, len(requests)) == (LIE, 2)
    assert status(conclusion)["4,820"] == "not found"


def test_facts_of_the_description_and_of_the_list_are_found(run: Run) -> None:
    prose = "There is one table, sales, with 3 rows and 2 columns; amount goes from 1 to 9; there are 2 cities."
    conclusion, requests = asked(run, call("list_datasets"), call("describe_dataset", name="sales"), say(prose))
    assert len(requests) == 3, status(conclusion)
    assert "not found" not in status(conclusion).values()


def test_printed_figures_count(run: Run) -> None:
    outcome = replace(ok(x=[1]), table=None, columns=(), stdout="city   total\nRome    4280\nOslo    3911\n")
    with ScriptedModel([call("run_python", code="print(t)"), say(TRUE)]) as server:
        work = CannedWorkbench([outcome])
        conclusion = run(ask(server, work, question=QUESTION, review=review.reviewer(QUESTION, {})))
    assert len(server.requests) == 2
    assert set(status(conclusion).values()) == {"found"}
