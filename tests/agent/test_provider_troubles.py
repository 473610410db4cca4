"""Providers that misbehave as real servers do: thoughts in the text, filters, redirects, proxies, floods, stops."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from csvanalyst_ext.agent.events import Conclusion, Prose
from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, calls, fail, say, wanted
from csvanalyst_ext.llm.thoughts import Spoken, without_thoughts
from csvanalyst_ext.safe_text import redact

from .conftest import Run
from .support import AT_ONCE, CannedWorkbench, ask, assert_paired, ok

QUERY = call("run_sql", sql="SELECT sum(amount) FROM sales")


# --- thoughts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["<think>17 + 25 is 99?</think>There are 42.", "<thinking>\n99\n</thinking>\n\nThere are 42.",
     "  <THINK>99</THINK> There are 42.", "<think></think>There are 42."],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_thoughts_are_no_part_of_the_answer_nor_of_what_is_streamed(run: Run, text: str, piece: int) -> None:
    events: list[Any] = []
    with ScriptedModel([QUERY, say(text, piece=piece)]) as server:
        conclusion = run(ask(server, emit=events.append))
    assert (conclusion.status, conclusion.prose) == ("ok", "There are 42.")
    assert "".join(e.text for e in events if isinstance(e, Prose)).strip() == "There are 42."
    assert not any("99" in str(message.get("content")) for message in conclusion.messages)


def test_a_thought_whose_beginning_is_in_the_prompt_is_cut_off(run: Run) -> None:
    with ScriptedModel([QUERY, say("99, I think.\n</think>\nThere are 42.")]) as server:
        assert run(ask(server)).prose == "There are 42."


def test_a_thought_that_never_ends_is_an_empty_answer(run: Run) -> None:
    with ScriptedModel([QUERY, say("<think>99, or 98", finish="length"), say("There are 42.")]) as server:
        conclusion = run(ask(server))
    assert (conclusion.status, conclusion.prose) == ("ok", "There are 42.")
    assert "cut at the token limit" in str(server.requests[-1].body["messages"][-1]["content"])


def test_a_call_after_a_thought_is_a_call(run: Run) -> None:
    text = 'It could be run_python. </think>\n{"tool": "run_sql", "arguments": {"sql": "SELECT 1"}}'
    with ScriptedModel([say(text), say("<think>hm</think>There are 42.")]) as server:
        conclusion = run(ask(server))
    assert [step.tool for step in conclusion.steps] == ["run_sql"] and conclusion.prose == "There are 42."


@pytest.mark.parametrize("text", ["<", "<b>bold</b>", "a < b and b > c", "2 <think> 1"])
def test_what_only_looks_like_a_thought_is_shown(text: str) -> None:
    spoken = Spoken()
    assert without_thoughts(text) == text
    if len(text) > 1:
        assert "".join(map(spoken.add, text)) == text


# --- ends that are no answers -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "The total"])
def test_an_answer_that_the_provider_filtered_is_said_so(run: Run, text: str) -> None:
    with ScriptedModel([QUERY, say(text, finish="content_filter")]) as server:
        conclusion = run(ask(server))
    assert conclusion.fault is not None and conclusion.fault.code == "model_filtered"
    assert conclusion.result is not None, "what was found is kept"


@pytest.mark.parametrize(
    "turn", [calls(wanted("run_sql", raw="x" * 3_000_000)), say("".join(f"{n} " for n in range(400_000)))]
)
def test_a_reply_that_does_not_end_is_cut_off(run: Run, turn: Turn) -> None:
    with ScriptedModel([replace(turn, piece=50_000)]) as server:
        conclusion = run(ask(server))
    assert conclusion.fault is not None and conclusion.fault.code == "model_too_long"
    assert len(server.requests) == 1


# --- a server on this machine stays on this machine ---------------------------------------------------


@pytest.mark.parametrize(
    "model", ["openai/m", "hosted_vllm/m", "lm_studio/m", "llamafile/m", "ollama_chat/m", "anthropic/m", "deepseek/m"]
)
def test_a_redirect_of_a_local_server_is_not_followed(run: Run, model: str) -> None:
    with ScriptedModel(then=say("42.")) as elsewhere:
        place = (("Location", f"{elsewhere.root.replace('127.0.0.1', 'localhost')}/v1/chat/completions"),)
        with ScriptedModel(then=Turn(status=307, headers=place)) as server:
            settings = Settings(api_base=server.api_base, model_access="loopback", default_policy="full")
            conclusion = run(ask(server, gateway=Gateway(settings, patience=AT_ONCE), model=model))
    assert server.requests and not elsewhere.requests
    assert conclusion.status == "error"
    if model == "openai/m":
        assert conclusion.fault is not None and conclusion.fault.code == "model_redirected"


@pytest.mark.parametrize("model", ["openai/m", "ollama_chat/m"])
def test_a_local_server_is_not_asked_through_a_proxy(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModel(then=say("42.")) as proxy, ScriptedModel(then=say("Hello.")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.root)
        base = server.root if model.startswith("ollama") else server.api_base
        gateway = Gateway(Settings(api_base=base, model_access="loopback"), patience=AT_ONCE)
        assert run(gateway.complete(model, [{"role": "user", "content": "Hi"}], ())).text == "Hello."
    assert not proxy.requests


@pytest.mark.parametrize("path", ["/deep/path/v1", "/deep/path/v1/", ""])
def test_an_address_with_a_path_is_taken_as_it_is(run: Run, path: str) -> None:
    with ScriptedModel([QUERY, say("There are 42.")]) as server:
        settings = Settings(api_base=server.root + path, model_access="loopback", default_policy="full")
        assert run(ask(server, gateway=Gateway(settings, patience=AT_ONCE))).status == "ok"
    assert {request.path for request in server.requests} == {f"{path.rstrip('/')}/chat/completions"}


# --- keys -------------------------------------------------------------------------------------------------


def test_a_password_in_an_address_is_shown_nowhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedModel(then=fail(401, error="hunter2-secret is wrong")) as server:
        address = server.api_base.replace("://", "://me:hunter2-secret@")
        monkeypatch.setenv("CSVANALYST_API_BASE", address)
        settings = Settings(api_base=address, model_access="loopback", default_policy="full")
        conclusion = run(ask(server, gateway=Gateway(settings, patience=AT_ONCE)))
    assert conclusion.fault is not None and conclusion.fault.code == "model_auth"
    assert "hunter2" not in f"{conclusion.fault.message} {conclusion.fault.hint}"
    assert "hunter2" not in redact(f"at {address}", {})


# --- stopping ---------------------------------------------------------------------------------------------


async def _stopped_after(half_milliseconds: int) -> None:
    """Ask, stop after about that time, and see that nothing is left over."""
    before = asyncio.all_tasks()
    kept: list[Conclusion] = []
    script = [calls(wanted("describe_dataset", name="sales"), wanted("run_sql", sql="SELECT 1")), QUERY, say("42.")]
    with ScriptedModel(script) as server:
        task = asyncio.ensure_future(ask(server, CannedWorkbench([ok(total=[42])]), keep=kept.append))
        for _ in range(half_milliseconds):
            await asyncio.sleep(0.0005)
        task.cancel()
        try:
            conclusion = await asyncio.wait_for(task, 5)
        except asyncio.CancelledError:
            assert [one.status for one in kept] == ["cancelled"]
            conclusion = kept[0]
        else:
            assert conclusion.status == "ok"
        assert_paired(conclusion.messages)
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:  # connections are closed in the background
            await asyncio.sleep(0.001)


def test_a_question_can_be_stopped_at_any_moment(run: Run) -> None:
    for moment in (1, 2, 3, 5, 8, 13, 20, 30, 40, 55, 70, 90, 120, 160):
        run(_stopped_after(moment))
