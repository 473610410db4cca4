"""The loop through real LiteLLM over real HTTP, against a server that plays a script."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from csvanalyst_ext.agent.events import Event, Prose, Thinking, ToolEnded, ToolProgress, ToolStarted
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.errors import EngineUnavailable
from csvanalyst_ext.llm.chat import NOTE
from csvanalyst_ext.llm.gateway import Patience
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, calls, fail, say, wanted

from .conftest import Run
from .support import CannedWorkbench, ask, assert_paired, failed, ok

SELECT = "SELECT sum(amount) AS total FROM sales"


def replies(body: dict[str, Any]) -> list[str]:
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


# --- the good way ---------------------------------------------------------------------------------


def test_a_question_is_answered_by_a_query_and_prose(run: Run) -> None:
    bench = CannedWorkbench()
    with ScriptedModel([call("run_sql", sql=SELECT), say("The total is 42.")]) as server:
        conclusion = run(ask(server, bench))
    assert (conclusion.status, conclusion.prose) == ("ok", "The total is 42.")
    assert bench.asked == [SELECT]
    assert conclusion.result is not None and conclusion.result.table.to_pylist() == [{"total": 42}]
    step = conclusion.steps[0]
    assert (step.tool, step.language, step.code, step.status) == ("run_sql", "sql", SELECT, "ok")
    assert conclusion.usage.model_calls == 2
    assert (conclusion.usage.prompt_tokens, conclusion.usage.completion_tokens) == (200, 20)
    assert conclusion.usage.cost is None, "a price that is not known is not 0"


def test_the_model_is_sent_the_question_the_tools_and_no_data(run: Run) -> None:
    with ScriptedModel([say("Hello.")]) as server:
        run(ask(server, question="Who are you?"))
    body = server.requests[0].body
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "Who are you?"
    assert {t["function"]["name"] for t in body["tools"]} == {
        "list_datasets", "describe_dataset", "find_values", "run_plan", "run_sql", "run_python", "make_chart",
        "ask_user",
    }  # fmt: skip
    assert "Rome" not in json.dumps(body) and "sales" not in json.dumps(body)


def test_python_is_no_tool_where_it_is_switched_off(run: Run) -> None:
    with ScriptedModel([call("run_python", code="1"), say("Done.")]) as server:
        conclusion = run(ask(server, CannedWorkbench(python_enabled=False)))
    assert "run_python" not in {t["function"]["name"] for t in server.requests[0].body["tools"]}
    assert conclusion.steps[0].fault is not None and conclusion.steps[0].fault.code == "unknown_tool"


def test_events_tell_what_happens_in_order(run: Run) -> None:
    events: list[Event] = []
    with ScriptedModel([call("run_sql", sql=SELECT), say("It is 42.", piece=3)]) as server:
        run(ask(server, emit=events.append))
    kinds = [type(event) for event in events]
    assert kinds[:5] == [Thinking, ToolStarted, ToolProgress, ToolEnded, Thinking]
    assert "".join(event.text for event in events if isinstance(event, Prose)) == "It is 42."
    assert sum(isinstance(event, Prose) for event in events) == 3
    ended = next(event for event in events if isinstance(event, ToolEnded))
    assert (ended.status, ended.summary) == ("ok", "1 row")


def test_parallel_calls_run_one_after_the_other_and_are_replied_to_in_order(run: Run) -> None:
    running: list[str] = []

    def slow(name: str) -> Any:
        async def outcome() -> Any:
            running.append(f"start {name}")
            await asyncio.sleep(0)
            running.append(f"end {name}")
            return ok(n=[1])

        return outcome

    bench = CannedWorkbench([slow("a"), slow("b"), slow("c")])
    three = calls(wanted("run_sql", sql="SELECT 1"), wanted("run_sql", sql="SELECT 2"), wanted("run_python", code="3"))
    with ScriptedModel([three, say("Done.")]) as server:
        run(ask(server, bench))
    assert bench.asked == ["SELECT 1", "SELECT 2", "3"]
    assert running == ["start a", "end a", "start b", "end b", "start c", "end c"]
    second = server.requests[1].body["messages"]
    assert [m.get("tool_call_id") for m in second if m["role"] == "tool"] == ["call_0", "call_1", "call_2"]


def test_calls_that_share_an_id_still_get_one_reply_each(run: Run) -> None:
    twice = calls(wanted("run_sql", id="same", sql="SELECT 1"), wanted("run_sql", id="same", sql="SELECT 2"))
    with ScriptedModel([twice, say("Done.")]) as server:
        conclusion = run(ask(server))
    assert len({m["tool_call_id"] for m in conclusion.messages if m["role"] == "tool"}) == 2


def test_one_byte_at_a_time_makes_no_difference(run: Run) -> None:
    turns = [
        Turn(calls=(wanted("run_sql", sql=SELECT),), piece=1, bytewise=True),
        say("Größe 42 🙂.", piece=1, bytewise=True),
    ]
    with ScriptedModel(turns) as server:
        conclusion = run(ask(server))
    assert conclusion.prose == "Größe 42 🙂."
    assert conclusion.steps[0].code == SELECT


def test_earlier_messages_come_between_the_prompt_and_the_question(run: Run) -> None:
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    with ScriptedModel([say("Yes.")]) as server:
        conclusion = run(ask(server, history=history))
    assert [m["content"] for m in server.requests[0].body["messages"]][1:] == ["Hi", "Hello", "How much in all?"]
    assert conclusion.messages[-1] == {"role": "assistant", "content": "Yes."}


def test_the_last_successful_table_is_the_result(run: Run) -> None:
    bench = CannedWorkbench([ok(a=[1]), ok(b=[2]), failed()])
    turns = [call("run_sql", sql=f"SELECT {n}") for n in (1, 2, 3)]
    with ScriptedModel([*turns, say("Two.")]) as server:
        conclusion = run(ask(server, bench))
    assert conclusion.status == "ok"
    assert conclusion.result is not None and conclusion.result.columns[0].name == "b"


# --- what models do wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ('{"sql": "SELECT', "tool_arguments"),
        ("SELECT 1", "tool_arguments"),
        ('["SELECT 1"]', "tool_arguments"),
        ('{"query": "SELECT 1"}', "tool_arguments"),
        ('{"sql": 5}', "tool_arguments"),
        ('{"sql": "  "}', "tool_arguments"),
        ('{"sql": "SELECT 1", "limit": 5}', "tool_arguments"),
        ('{"sql": NaN}', "tool_arguments"),
        ("[" * 5000, "tool_arguments"),
        ("", "tool_arguments"),
    ],
)
def test_wrong_arguments_are_told_to_the_model_and_nothing_runs(run: Run, raw: str, code: str) -> None:
    bench = CannedWorkbench()
    with ScriptedModel([call("run_sql", raw=raw), call("run_sql", sql=SELECT), say("42.")]) as server:
        conclusion = run(ask(server, bench))
    assert bench.asked == [SELECT]
    assert conclusion.status == "ok"
    assert json.loads(replies(server.requests[1].body)[0].splitlines()[0])["error"] == code
    history = [m for m in server.requests[1].body["messages"] if m.get("tool_calls")]
    assert isinstance(json.loads(history[0]["tool_calls"][0]["function"]["arguments"]), dict), (
        "providers insist on JSON"
    )


def test_an_unknown_tool_is_answered_with_the_known_ones(run: Run) -> None:
    with ScriptedModel([call("drop_table", name="sales"), say("Sorry.")]) as server:
        conclusion = run(ask(server))
    reply = replies(server.requests[1].body)[0]
    assert "unknown_tool" in reply and "run_sql" in reply
    assert conclusion.status == "ok"


def test_an_error_goes_back_as_data_and_the_model_can_correct_itself(run: Run) -> None:
    bench = CannedWorkbench([failed(), ok(total=[42])])
    with ScriptedModel([call("run_sql", sql="SELECT x"), call("run_sql", sql=SELECT), say("42.")]) as server:
        conclusion = run(ask(server, bench))
    reply = replies(server.requests[1].body)[0]
    assert json.loads(reply.splitlines()[0]) == {"status": "error", "error": "unknown_column"}
    assert "Use city or amount." in reply
    assert conclusion.status == "ok"
    assert [step.status for step in conclusion.steps] == ["error", "ok"]


def test_prose_after_nothing_but_failures_is_not_ok(run: Run) -> None:
    with ScriptedModel([call("run_sql", sql="DROP TABLE x"), say("I could not do it.")]) as server:
        conclusion = run(ask(server, CannedWorkbench([failed("sql_not_allowed", "refused")])))
    assert conclusion.status == "refused"
    assert conclusion.fault is not None and conclusion.fault.code == "sql_not_allowed"
    assert conclusion.prose == "I could not do it."
    assert conclusion.result is None


def test_a_tool_that_breaks_does_not_break_the_loop(run: Run) -> None:
    bench = CannedWorkbench([RuntimeError("secret detail"), ok(total=[42])])
    with ScriptedModel([call("run_sql", sql="SELECT 1"), call("run_sql", sql=SELECT), say("42.")]) as server:
        conclusion = run(ask(server, bench))
    assert conclusion.status == "ok"
    assert "tool_failed" in replies(server.requests[1].body)[0]
    assert "secret detail" not in json.dumps(server.requests[1].body)


def test_the_second_identical_call_is_answered_from_the_first(run: Run) -> None:
    bench = CannedWorkbench()
    with ScriptedModel([call("run_sql", sql=SELECT), call("run_sql", sql=SELECT), say("42.")]) as server:
        conclusion = run(ask(server, bench))
    assert bench.asked == [SELECT]
    first, second = replies(server.requests[2].body)
    assert second.startswith(first) and "before" in second.removeprefix(first)
    assert conclusion.status == "ok"


def test_the_third_identical_call_ends_the_loop_and_keeps_the_result(run: Run) -> None:
    bench = CannedWorkbench()
    with ScriptedModel(then=call("run_sql", sql=SELECT)) as server:
        conclusion = run(ask(server, bench))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == "agent_repeats"
    assert len(server.requests) == 3 and bench.asked == [SELECT]
    assert conclusion.result is not None


def test_an_empty_answer_is_asked_for_once_more(run: Run) -> None:
    with ScriptedModel([say(""), say("42.")]) as server:
        conclusion = run(ask(server))
    assert (conclusion.status, conclusion.prose) == ("ok", "42.")
    assert server.requests[1].body["messages"][-1]["content"].startswith(NOTE)


def test_two_empty_answers_are_an_error(run: Run) -> None:
    with ScriptedModel([say(""), say("  \n")]) as server:
        conclusion = run(ask(server))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == "model_empty"


def test_a_call_cut_at_the_token_limit_is_told_as_bad_json(run: Run) -> None:
    cut = Turn(calls=(wanted("run_sql", raw='{"sql": "SELECT su'),), finish="length")
    with ScriptedModel([cut, call("run_sql", sql=SELECT), say("42.")]) as server:
        conclusion = run(ask(server))
    assert conclusion.status == "ok"
    assert "not JSON" in replies(server.requests[1].body)[0]


def test_prose_cut_at_the_token_limit_is_asked_for_shorter_once(run: Run) -> None:
    with ScriptedModel([say("The answer is long and", finish="length"), say("42.")]) as server:
        conclusion = run(ask(server))
    assert conclusion.prose == "42."
    assert "shorter" in server.requests[1].body["messages"][-1]["content"]


def test_a_question_to_the_person_ends_the_turn(run: Run) -> None:
    both = calls(
        wanted("ask_user", question="Which delay?", choices=["dep_delay", "arr_delay"]), wanted("run_sql", sql=SELECT)
    )
    bench = CannedWorkbench()
    with ScriptedModel([both]) as server:
        conclusion = run(ask(server, bench))
    assert (conclusion.status, conclusion.prose) == ("clarify", "Which delay?")
    assert conclusion.fault is not None and conclusion.fault.code == "question_unclear"
    assert conclusion.fault.details == {"choices": ["dep_delay", "arr_delay"]}
    assert bench.asked == [] and conclusion.result is None


# --- budgets --------------------------------------------------------------------------------------


def different_queries(count: int) -> list[Turn]:
    return [call("run_sql", sql=f"SELECT {n}") for n in range(count)]


def test_at_the_last_step_the_model_gets_one_chance_without_tools(run: Run) -> None:
    with ScriptedModel([*different_queries(2), say("So far: 42.")]) as server:
        conclusion = run(ask(server, limits=AgentLimits(max_steps=3)))
    assert conclusion.status == "ok"
    assert "tools" not in server.requests[2].body
    assert "budget" in server.requests[2].body["messages"][-1]["content"]


def test_a_model_that_calls_on_and_on_meets_the_step_limit(run: Run) -> None:
    with ScriptedModel(different_queries(9)) as server:
        conclusion = run(ask(server, limits=AgentLimits(max_steps=4)))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_steps"
    assert len(server.requests) == 4 and len(conclusion.steps) == 3
    assert conclusion.result is not None


def test_tool_calls_over_the_limit_are_refused_not_run(run: Run) -> None:
    bench = CannedWorkbench()
    many = calls(*(wanted("run_sql", sql=f"SELECT {n}") for n in range(5)))
    with ScriptedModel([many, call("run_sql", sql="SELECT 9")]) as server:
        conclusion = run(ask(server, bench, limits=AgentLimits(max_tool_calls=3)))
    assert len(bench.asked) == 3
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_tool_calls"
    assert len(replies({"messages": conclusion.messages})) == 6


def test_the_clock_stops_a_model_that_hangs(run: Run) -> None:
    with ScriptedModel([say("Let me", trouble="hang")]) as server:
        conclusion = run(ask(server, limits=AgentLimits(max_seconds=0.3)))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_seconds"


def test_the_clock_stops_a_tool_that_hangs_and_its_call_is_replied_to(run: Run) -> None:
    stopped = asyncio.Event()

    async def hang() -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with ScriptedModel([call("run_sql", sql=SELECT)]) as server:
        conclusion = run(ask(server, CannedWorkbench([hang]), limits=AgentLimits(max_seconds=2.0)))
    assert stopped.is_set()
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_seconds"


# --- stopping -------------------------------------------------------------------------------------


def test_cancelling_during_a_tool_stops_it_and_leaves_paired_messages(run: Run) -> None:
    kept: list[Any] = []
    stopped: list[bool] = []

    async def scenario() -> None:
        started = asyncio.Event()

        async def hang() -> Any:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(True)

        bench = CannedWorkbench([ok(a=[1]), hang])
        two = calls(wanted("run_sql", sql="SELECT 1"), wanted("run_sql", sql="SELECT 2"), wanted("run_sql", sql="3"))
        with ScriptedModel([two]) as server:
            task = asyncio.create_task(ask(server, bench, keep=kept.append))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(scenario())
    assert stopped == [True]
    (conclusion,) = kept
    assert conclusion.status == "cancelled" and len(conclusion.steps) == 1
    assert_paired(conclusion.messages)


def test_cancelling_during_a_stream_closes_it_at_once(run: Run) -> None:
    async def scenario() -> None:
        heard = asyncio.Event()
        with ScriptedModel([say("Let me think", trouble="hang")]) as server:
            task = asyncio.create_task(ask(server, emit=lambda e: heard.set() if isinstance(e, Prose) else None))
            await heard.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(scenario())


def test_no_sandbox_ends_the_question_with_that_error(run: Run) -> None:
    kept: list[Any] = []
    missing = EngineUnavailable("engine_unavailable", "No Docker engine answers.", "Start it.")
    two = calls(wanted("run_sql", sql="SELECT 1"), wanted("run_sql", sql="SELECT 2"))
    with ScriptedModel([two]) as server, pytest.raises(EngineUnavailable):
        run(ask(server, CannedWorkbench([missing]), keep=kept.append))
    assert len(server.requests) == 1
    assert kept[0].fault.code == "engine_unavailable"
    assert_paired(kept[0].messages)


# --- what providers do wrong ----------------------------------------------------------------------


def test_429_is_tried_again(run: Run) -> None:
    with ScriptedModel([fail(429, retry_after=0), fail(429), say("42.")]) as server:
        conclusion = run(ask(server))
    assert conclusion.status == "ok" and len(server.requests) == 3


@pytest.mark.parametrize(
    ("turn", "code", "requests"),
    [
        (fail(500), "model_server_error", 5),  # without native tools, too
        (fail(503), "model_server_error", 3),
        (fail(429), "model_rate_limited", 3),
        (fail(401), "model_auth", 1),
        (fail(403), "model_auth", 1),
        (fail(404), "model_not_found", 1),
        (fail(400), "model_bad_request", 3),  # without native tools, too
        (fail(400, error="This model's maximum context length is 8192 tokens."), "model_context", 1),
        (say("The answer is", trouble="cut"), "model_stream_broken", 1),
        (say("The answer is", trouble="silent_end"), "model_stream_broken", 1),
        (say("The answer is", trouble="error"), "model_stream_broken", 1),
        (Turn(calls=(wanted("run_sql", raw='{"sql": "SEL'),), trouble="cut"), "model_stream_broken", 1),
    ],
)
def test_a_failing_provider_is_one_typed_error(run: Run, turn: Turn, code: str, requests: int) -> None:
    with ScriptedModel(then=turn) as server:
        conclusion = run(ask(server))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == code
    assert len(server.requests) == requests


def test_a_provider_that_says_nothing_times_out(run: Run) -> None:
    with ScriptedModel([Turn(trouble="hang")]) as server:
        conclusion = run(ask(server, patience=Patience(attempts=1, silence=0.3)))
    assert conclusion.fault is not None and conclusion.fault.code == "model_timeout"


def test_what_was_found_before_the_provider_failed_is_kept(run: Run) -> None:
    with ScriptedModel([call("run_sql", sql=SELECT)], then=fail(401)) as server:
        conclusion = run(ask(server))
    assert conclusion.status == "error" and conclusion.result is not None and len(conclusion.steps) == 1
