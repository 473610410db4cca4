"""Servers of one's own, and providers with a dialect of theirs, over real HTTP."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, fail, say, wanted

from .conftest import Run
from .support import AT_ONCE, CannedWorkbench, ask

SELECT = "SELECT sum(amount) AS total FROM sales"
SERVERS = [
    ("openai/qwen2.5-coder", "/v1"),  # llama.cpp, vLLM, LM Studio
    ("hosted_vllm/qwen2.5-coder", "/v1"),
    ("ollama_chat/qwen2.5-coder", ""),
]


def gateway_at(server: ScriptedModel, path: str, **settings: Any) -> Gateway:
    base = f"{server.root}{path}"
    return Gateway(Settings(api_base=base, model_access="loopback", **settings), patience=AT_ONCE)


@pytest.mark.parametrize(("model", "path"), SERVERS)
def test_a_server_of_ones_own_answers_with_its_own_tool_calls(run: Run, model: str, path: str) -> None:
    bench = CannedWorkbench()
    with ScriptedModel([call("run_sql", sql=SELECT), say("The total is 42.")]) as server:
        conclusion = run(ask(server, bench, gateway=gateway_at(server, path), model=model))
    assert (conclusion.status, conclusion.prose) == ("ok", "The total is 42.")
    assert bench.asked == [SELECT]
    assert conclusion.usage.prompt_tokens == 200
    assert all("tools" in request.body for request in server.requests)


@pytest.mark.parametrize(("model", "path"), SERVERS)
def test_a_server_that_takes_no_tools_is_asked_in_json(run: Run, model: str, path: str) -> None:
    turn = say(json.dumps({"tool": "run_sql", "arguments": {"sql": SELECT}}))
    bench = CannedWorkbench()
    refusal = fail(400, error="registry.ollama.ai/library/x does not support tools")
    with ScriptedModel([refusal, turn, say(json.dumps({"answer": "42."}))]) as server:
        conclusion = run(ask(server, bench, gateway=gateway_at(server, path), model=model))
    assert conclusion.prose == "42." and bench.asked == [SELECT]
    held = server.requests[1].body
    assert "format" in held or "response_format" in held, "the server is given the schema"


@pytest.mark.parametrize(("model", "path"), SERVERS)
@pytest.mark.parametrize("size", [1, 7])
def test_one_byte_at_a_time_makes_no_difference(run: Run, model: str, path: str, size: int) -> None:
    turns = [
        Turn(calls=(wanted("run_sql", sql=SELECT),), piece=size, bytewise=True),
        say("Größe 42 🙂.", piece=size, bytewise=True),
    ]
    with ScriptedModel(turns) as server:
        conclusion = run(ask(server, gateway=gateway_at(server, path), model=model))
    assert conclusion.prose == "Größe 42 🙂." and conclusion.steps[0].code == SELECT


@pytest.mark.parametrize(("model", "path"), SERVERS)
@pytest.mark.parametrize("trouble", ["cut", "error"])
def test_a_stream_that_breaks_is_one_typed_error(run: Run, model: str, path: str, trouble: Any) -> None:
    with ScriptedModel(then=say("The total is", trouble=trouble)) as server:
        conclusion = run(ask(server, gateway=gateway_at(server, path), model=model))
    assert conclusion.status == "error"
    assert conclusion.fault is not None and conclusion.fault.code == "model_stream_broken"


@pytest.mark.parametrize(("model", "path"), SERVERS)
def test_nothing_of_a_hosted_service_is_needed_or_sent(run: Run, model: str, path: str) -> None:
    with ScriptedModel([say("Hi.")]) as server:
        run(ask(server, gateway=gateway_at(server, path), model=model))
    assert server.requests[0].authorization in (
        "",
        "Bearer not-needed",
        "Bearer fake-api-key",
    )  # LiteLLM's own stand-in


# --- prompt caching -------------------------------------------------------------------------------


def marks(value: Any) -> int:
    if isinstance(value, dict):
        return ("cache_control" in value) + sum(map(marks, value.values()))
    return sum(map(marks, value)) if isinstance(value, list) else 0


def test_anthropic_is_told_what_of_the_prompt_to_keep(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary-0123456789")
    bench = CannedWorkbench()
    with ScriptedModel([call("run_sql", sql=SELECT), say("The total is 42.")]) as server:
        gateway = gateway_at(server, "")
        conclusion = run(ask(server, bench, gateway=gateway, model="anthropic/claude-haiku-4-5"))
    assert conclusion.prose == "The total is 42." and bench.asked == [SELECT]
    for request in server.requests:
        assert marks(request.body["system"]) == 1 and marks(request.body["messages"]) == 1
        assert marks(request.body) <= 4, "the provider takes no more"
    assert conclusion.usage.cost is not None and conclusion.usage.cost > 0


def test_providers_that_keep_prompts_by_themselves_are_sent_no_marks(run: Run) -> None:
    with ScriptedModel([say("Hi.")]) as server:
        run(ask(server, gateway=gateway_at(server, "/v1"), model="openai/gpt-4o-mini"))
    assert marks(server.requests[0].body) == 0


def test_the_start_of_the_prompt_stays_the_same_from_call_to_call(run: Run) -> None:
    """What changes early in a prompt makes every cache useless."""
    with ScriptedModel([call("run_sql", sql=SELECT), call("list_datasets"), say("42.")]) as server:
        run(ask(server))
    bodies = [request.body for request in server.requests]
    for before, after in itertools.pairwise(bodies):
        assert after["messages"][: len(before["messages"])] == before["messages"]
        assert after["tools"] == before["tools"]
