"""Models without tool calling: calls and answers as JSON text, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.agent.events import Event, Prose
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, fail, say
from csvanalyst_ext.llm.textual import AnswerStream, may_answer, read, read_call, reply_schema, to_text

from .conftest import Run
from .support import AT_ONCE, CannedWorkbench, ask, failed, ok

SELECT = "SELECT sum(amount) AS total FROM sales"
NAMES = ("run_sql", "list_datasets")
CALL = json.dumps({"tool": "run_sql", "arguments": {"sql": SELECT}})
ANSWER = json.dumps({"answer": "The total is 42."})
ROLES = {"system", "user", "assistant"}


def json_gateway(server: ScriptedModel, tool_format: str = "json") -> Gateway:
    settings = Settings(api_base=server.api_base, model_access="loopback", tool_format=tool_format)
    return Gateway(settings, patience=AT_ONCE)


def replying(turns: Sequence[Turn], run: Run, *, tool_format: str = "json", **options: Any) -> Any:
    bench = CannedWorkbench(options.pop("outcomes", [ok(total=[42])]))
    with ScriptedModel(turns) as server:
        conclusion = run(ask(server, bench, gateway=json_gateway(server, tool_format), **options))
    return conclusion, bench, [request.body for request in server.requests]


# --- a question in JSON ---------------------------------------------------------------------------


def test_a_question_is_answered_without_any_tool_calling_of_the_provider(run: Run) -> None:
    conclusion, bench, bodies = replying([say(CALL), say(ANSWER)], run)
    assert (conclusion.status, conclusion.prose) == ("ok", "The total is 42.")
    assert bench.asked == [SELECT]
    for body in bodies:
        assert "tools" not in body
        assert {message["role"] for message in body["messages"]} <= ROLES
        assert all(message["content"] and "tool_calls" not in message for message in body["messages"])
    assert "run_sql" in bodies[0]["messages"][0]["content"], "the tools are described in the system prompt"
    assert bodies[1]["messages"][-1]["content"].startswith("[result of run_sql]")


def test_what_is_kept_of_the_conversation_does_not_depend_on_the_form(run: Run) -> None:
    conclusion, _, _ = replying([say(CALL), say(ANSWER)], run)
    assert [m["role"] for m in conclusion.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert conclusion.messages[2]["tool_calls"][0]["function"]["name"] == "run_sql"


def test_the_server_is_given_a_schema_that_offers_the_answer_only_after_a_result(run: Run) -> None:
    _, _, bodies = replying([say(CALL), say(ANSWER)], run)
    first, second = (json.dumps(body["response_format"]["json_schema"]["schema"]) for body in bodies)
    assert "run_sql" in first and '"answer"' not in first
    assert '"answer"' in second


def test_a_server_that_takes_no_schema_is_asked_without(run: Run) -> None:
    conclusion, _, bodies = replying([fail(400), say(CALL), say(ANSWER)], run)
    assert conclusion.status == "ok"
    assert ["response_format" in body for body in bodies] == [True, False, False]


def test_the_person_reads_the_answer_as_it_arrives_and_no_json(run: Run) -> None:
    events: list[Event] = []
    replying([say(CALL), say(json.dumps({"answer": 'It is "42" 🙂.\nDone.'}), piece=1)], run, emit=events.append)
    pieces = [event.text for event in events if isinstance(event, Prose)]
    assert "".join(pieces) == 'It is "42" 🙂.\nDone.' and len(pieces) > 5


@pytest.mark.parametrize(
    "text",
    [
        CALL, f"```json\n{CALL}\n```", f"Let me look.\n{CALL}\nDone.", f"<think>{{not this}}</think>{CALL}",
        json.dumps({"name": "run_sql", "parameters": {"sql": SELECT}}), json.dumps({"tool": "run_sql", "sql": SELECT}),
        json.dumps({"run_sql": {"sql": SELECT}}),
        json.dumps({"tool": "run_sql", "arguments": json.dumps({"sql": SELECT})}),
        json.dumps({"tool_calls": [{"function": {"name": "run_sql", "arguments": {"sql": SELECT}}}]}),
        f"{CALL}\n[result of run_sql] 17\n{ANSWER}",
    ],
)  # fmt: skip
def test_a_call_is_understood_however_it_is_dressed(run: Run, text: str) -> None:
    conclusion, bench, _ = replying([say(text), say(ANSWER)], run)
    assert bench.asked == [SELECT] and conclusion.prose == "The total is 42."


def test_plain_words_are_an_answer_once_a_tool_has_replied(run: Run) -> None:
    conclusion, _, _ = replying([say(CALL), say("The total is 42.")], run)
    assert (conclusion.status, conclusion.prose) == ("ok", "The total is 42.")


def test_words_before_any_result_are_corrected_and_not_believed(run: Run) -> None:
    conclusion, bench, bodies = replying([say("It is 17, I guess."), say(CALL), say(ANSWER)], run)
    assert conclusion.prose == "The total is 42." and bench.asked == [SELECT]
    assert "one JSON object" in bodies[1]["messages"][-1]["content"]


def test_a_model_that_never_keeps_to_the_form_is_corrected_twice_and_then_given_up(run: Run) -> None:
    conclusion, bench, bodies = replying([say("Hmm {") for _ in range(9)], run)
    assert conclusion.fault is not None and conclusion.fault.code == "model_format"
    assert len(bodies) == 3 and bench.asked == []


def test_an_error_of_a_query_can_be_corrected_in_json_too(run: Run) -> None:
    wrong = json.dumps({"tool": "run_sql", "arguments": {"sql": "SELECT x"}})
    conclusion, _, bodies = replying([say(wrong), say(CALL), say(ANSWER)], run, outcomes=[failed(), ok(total=[42])])
    assert conclusion.status == "ok" and "Use city or amount." in bodies[1]["messages"][-1]["content"]


def test_an_unknown_tool_is_told_in_json_too(run: Run) -> None:
    conclusion, _, bodies = replying([say('{"tool": "drop", "arguments": {}}'), say(CALL), say(ANSWER)], run)
    assert conclusion.status == "ok" and "unknown_tool" in bodies[1]["messages"][-1]["content"]


def test_at_the_last_step_only_an_answer_is_asked_for(run: Run) -> None:
    from csvanalyst_ext.agent.limits import AgentLimits

    _, _, bodies = replying([say(CALL), say(ANSWER)], run, limits=AgentLimits(max_steps=2))
    assert "run_sql" not in json.dumps(bodies[1]["response_format"])
    assert "No tool can be called" in bodies[1]["messages"][0]["content"]


# --- which form -----------------------------------------------------------------------------------


def test_auto_takes_native_calls_where_the_server_does(run: Run) -> None:
    _, _, bodies = replying([call("run_sql", sql=SELECT), say("42.")], run, tool_format="auto")
    assert all("tools" in body and "response_format" not in body for body in bodies)


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_auto_turns_to_json_when_the_server_takes_no_tools_and_stays_there(run: Run, status: int) -> None:
    refusals = [fail(status)] * (3 if status >= 500 else 1)
    conclusion, _, bodies = replying([*refusals, say(CALL), say(ANSWER)], run, tool_format="auto")
    assert conclusion.prose == "The total is 42."
    assert ["tools" in body for body in bodies] == [True] * len(refusals) + [False, False]


def test_auto_asks_a_known_model_without_tool_calling_in_json_at_once(run: Run) -> None:
    _, _, bodies = replying([say(CALL), say(ANSWER)], run, tool_format="auto", model="openai/gpt-3.5-turbo-16k")
    assert "tools" not in bodies[0]


def test_native_means_native(run: Run) -> None:
    conclusion, _, bodies = replying([fail(400)], run, tool_format="native")
    assert conclusion.fault is not None and conclusion.fault.code == "model_bad_request" and len(bodies) == 1


def test_an_unknown_format_is_a_clear_error() -> None:
    with pytest.raises(UsageError):
        Gateway(Settings(tool_format="xml"))


@pytest.mark.parametrize(
    "text",
    [
        CALL, f"```json\n{CALL}\n```", f"<tool_call>\n{CALL}\n</tool_call>", f"[TOOL_CALLS][{CALL}]",
        json.dumps({"name": "run_sql", "parameters": {"sql": SELECT}}),
        json.dumps({"type": "function", "function": {"name": "run_sql", "arguments": {"sql": SELECT}}}),
    ],
)  # fmt: skip
def test_a_native_model_that_writes_its_call_as_text_is_understood(run: Run, text: str) -> None:
    conclusion, bench, _ = replying([say(text), say("It is 42.")], run, tool_format="native")
    assert bench.asked == [SELECT] and conclusion.prose == "It is 42."


@pytest.mark.parametrize(
    "text", [f"The cell says {CALL}", '{"answer": 42}', '{"tool": "other", "arguments": {}}', "[1, 2]"]
)
def test_prose_of_a_native_model_that_only_quotes_a_call_is_prose(run: Run, text: str) -> None:
    conclusion, bench, _ = replying([say(text)], run, tool_format="native")
    assert bench.asked == [] and conclusion.prose == text


# --- the pieces -----------------------------------------------------------------------------------


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    read(text, NAMES)
    read_call(text, NAMES)


@given(st.text(max_size=60), st.integers(1, 7))
def test_the_answer_is_streamed_whole_whatever_the_pieces(text: str, size: int) -> None:
    written = json.dumps({"answer": text})
    stream = AnswerStream()
    assert "".join(stream.add(written[i : i + size]) for i in range(0, len(written), size)) == text


def test_deep_nesting_is_no_answer_and_no_crash() -> None:
    assert read("{" * 100_000, NAMES) is None
    assert read_call('{"tool":' * 5000, NAMES) is None


def test_messages_alternate_as_chat_templates_want() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "run_sql", "arguments": '{"sql": "x"}'}}]
    messages = [
        {"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "name": "run_sql", "content": "{}"}, {"role": "user", "content": "note"},
    ]  # fmt: skip
    assert [m["role"] for m in to_text(messages, ())] == ["system", "user", "assistant", "user"]
    assert may_answer(messages) and not may_answer(messages[:2])
    assert reply_schema((), answer=False)["required"] == ["answer"]
