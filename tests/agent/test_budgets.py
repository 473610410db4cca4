"""What a question may use: tokens and US dollars, by LiteLLM's own prices."""

from __future__ import annotations

from typing import Any

import pytest

from csvanalyst_ext.agent.events import Event, Thinking
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, call, fail, say

from .conftest import Run
from .support import AT_ONCE, CannedWorkbench, ask

PRICED = "openai/gpt-4o-mini"


def queries(count: int, **changes: Any) -> list[Any]:
    from dataclasses import replace

    return [replace(call("run_sql", sql=f"SELECT {n}"), **changes) for n in range(count)]


def test_the_cost_is_litellms_and_adds_up(run: Run) -> None:
    with ScriptedModel([*queries(1, usage=(1000, 100)), say("42.", usage=(2000, 50))]) as server:
        conclusion = run(ask(server, model=PRICED))
    assert conclusion.usage.cost == pytest.approx(3000 * 0.15e-6 + 150 * 0.6e-6)


def test_a_cost_that_is_used_up_ends_the_question_and_keeps_the_result(run: Run) -> None:
    with ScriptedModel(queries(9, usage=(100_000, 100))) as server:
        conclusion = run(ask(server, model=PRICED, limits=AgentLimits(max_cost=0.02)))
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_cost"
    assert len(server.requests) == 2 and conclusion.result is not None


def test_a_reply_can_never_cost_more_than_is_left(run: Run) -> None:
    with ScriptedModel([say("42.")]) as server:
        run(ask(server, model=PRICED, limits=AgentLimits(max_cost=0.001)))
    body = server.requests[0].body
    most = body.get("max_tokens") or body.get("max_completion_tokens")
    assert 64 <= most <= 0.001 / 0.6e-6


def test_nothing_is_sent_when_the_first_step_could_cost_too_much(run: Run) -> None:
    with ScriptedModel([say("42.")]) as server:
        conclusion = run(ask(server, model=PRICED, limits=AgentLimits(max_cost=0.0000001)))
    assert conclusion.fault is not None and conclusion.fault.code == "model_over_budget" and server.requests == []


def test_without_a_known_price_a_cost_limit_sends_nothing_and_says_why(run: Run) -> None:
    with ScriptedModel([say("42.")]) as server:
        conclusion = run(ask(server, limits=AgentLimits(max_cost=1.0)))
    assert conclusion.fault is not None and conclusion.fault.code == "model_price_unknown" and server.requests == []


def test_a_provider_that_does_not_say_what_it_used_ends_a_limited_question(run: Run) -> None:
    with ScriptedModel(queries(9, usage=None)) as server:
        conclusion = run(ask(server, model=PRICED, limits=AgentLimits(max_cost=1.0)))
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_cost"
    assert len(server.requests) == 1 and conclusion.usage.cost is None


@pytest.mark.parametrize("usage", [(900, 100), None])
def test_tokens_are_limited_also_where_nobody_counts_them(run: Run, usage: Any) -> None:
    with ScriptedModel(queries(20, usage=usage)) as server:
        conclusion = run(ask(server, limits=AgentLimits(max_steps=20, max_tokens=4000)))
    assert conclusion.fault is not None and conclusion.fault.code == "agent_limit_tokens"
    assert 1 <= len(server.requests) <= 5


def test_what_is_used_is_told_at_each_step(run: Run) -> None:
    events: list[Event] = []
    with ScriptedModel([*queries(1), say("42.")]) as server:
        run(ask(server, emit=events.append))
    first, second = (event for event in events if isinstance(event, Thinking))
    assert (first.step, first.steps, first.usage.model_calls) == (1, 12, 0)
    assert (second.usage.prompt_tokens, second.usage.completion_tokens, second.usage.cost) == (100, 10, None)


@pytest.mark.parametrize("limits", [{"max_tokens": 0}, {"max_cost": 0.0}, {"max_cost": float("nan")}])
def test_a_limit_of_nothing_is_a_clear_error(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        AgentLimits(**limits)


# --- fallback models ------------------------------------------------------------------------------


def with_fallbacks(server: ScriptedModel, *names: str) -> Gateway:
    settings = Settings(api_base=server.api_base, model_access="loopback", fallback_models=", ".join(names))
    return Gateway(settings, patience=AT_ONCE)


@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_a_model_that_does_not_answer_is_replaced_and_the_answer_says_so(run: Run, status: int) -> None:
    attempts = 3 if status in (429, 503) else 1
    with ScriptedModel([*[fail(status)] * attempts, *queries(1), say("42.")], then=fail(418)) as server:
        gateway = with_fallbacks(server, "openai/second")
        conclusion = run(ask(server, CannedWorkbench(), gateway=gateway, limits=AgentLimits(max_steps=2)))
    models = [request.body["model"] for request in server.requests]
    assert models[:attempts] == ["scripted"] * attempts and models[attempts] == "second"
    assert conclusion.notes and "openai/second was asked instead" in conclusion.notes[0]


def test_a_model_that_did_not_answer_is_not_asked_again_at_each_step(run: Run) -> None:
    with ScriptedModel([*[fail(503)] * 3, *queries(2), say("42.")]) as server:
        conclusion = run(ask(server, gateway=with_fallbacks(server, "openai/second")))
    assert conclusion.status == "ok" and len(conclusion.notes) == 1
    assert [request.body["model"] for request in server.requests] == ["scripted"] * 3 + ["second"] * 3


def test_an_answer_that_has_begun_is_never_continued_by_another_model(run: Run) -> None:
    with ScriptedModel([say("The total is", trouble="cut"), say("42.")]) as server:
        conclusion = run(ask(server, gateway=with_fallbacks(server, "openai/second")))
    assert conclusion.fault is not None and conclusion.fault.code == "model_stream_broken"
    assert len(server.requests) == 1


def test_when_no_model_answers_the_error_is_that_of_the_one_that_was_asked_for(run: Run) -> None:
    with ScriptedModel(then=fail(401)) as server:
        conclusion = run(ask(server, gateway=with_fallbacks(server, "openai/second", "openai/third")))
    assert conclusion.fault is not None and "openai/scripted" in conclusion.fault.message
    assert len(server.requests) == 3


def test_a_fallback_of_another_provider_is_not_called_at_the_address_of_the_first(run: Run) -> None:
    """``api_base`` belongs to the model that was asked for; under ``loopback`` another provider may not be called."""
    with ScriptedModel(then=fail(401)) as server:
        conclusion = run(ask(server, gateway=with_fallbacks(server, "anthropic/claude-3-5-haiku-latest")))
    assert conclusion.fault is not None and conclusion.fault.code == "model_auth" and len(server.requests) == 1
