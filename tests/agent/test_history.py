"""What of a conversation is sent: it fits, and calls and replies always go together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.agent.history import fit
from csvanalyst_ext.llm.chat import estimate_tokens, note
from csvanalyst_ext.llm.scripted import ScriptedModel, call, fail, say

from .conftest import Run
from .support import CannedWorkbench, ask, assert_paired, ok

SYSTEM = {"role": "system", "content": "You are an analyst."}


def called(name: str, *identities: str) -> dict[str, Any]:
    calls = [{"id": i, "type": "function", "function": {"name": name, "arguments": "{}"}} for i in identities]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def replied(identity: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "name": "t", "content": text}


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Exchanges as the loop leaves them: a question, rounds of calls with replies, perhaps notes and an answer."""
    messages: list[dict[str, Any]] = [SYSTEM] if draw(st.booleans()) else []
    number = 0
    for _ in range(draw(st.integers(1, 5))):
        messages.append({"role": "user", "content": draw(st.text(min_size=1, max_size=80))})
        for _ in range(draw(st.integers(0, 4))):
            names = [f"c{number + place}" for place in range(draw(st.integers(1, 3)))]
            number += len(names)
            messages.append(called("run_sql", *names))
            messages += [replied(name, "x" * draw(st.integers(0, 3000))) for name in names]
            if draw(st.booleans()):
                messages.append(note("Do something else."))
        if draw(st.booleans()):
            messages.append({"role": "assistant", "content": draw(st.text(min_size=1, max_size=200))})
    return messages


@given(conversations(), st.integers(-50, 6000))
def test_whatever_is_left_out_calls_and_replies_stay_together(messages: list[dict[str, Any]], most: int) -> None:
    sent = fit(messages, most)
    assert_paired(sent)
    assert [m for m in sent if m["role"] == "system"] == [m for m in messages if m["role"] == "system"]
    places = [next(i for i, m in enumerate(messages) if m is s) for s in sent if s["role"] != "tool"]
    assert places == sorted(places), "the order stays"
    questions = [m for m in messages if m["role"] == "user" and not m["content"].startswith("[note")]
    assert questions[-1] in sent, "the question itself is always sent"
    assert fit(sent, most) == sent, "a second time changes nothing"


@given(conversations())
def test_a_conversation_that_fits_is_sent_as_it_is(messages: list[dict[str, Any]]) -> None:
    assert fit(messages, estimate_tokens(messages)) == tuple(messages)


@given(conversations(), st.integers(0, 3000))
def test_less_room_never_sends_more(messages: list[dict[str, Any]], most: int) -> None:
    assert estimate_tokens(fit(messages, most)) <= estimate_tokens(fit(messages, 2 * most)) or most == 0


def test_what_matters_least_goes_first() -> None:
    def round_of(name: str) -> list[dict[str, Any]]:
        return [called("run_sql", name), replied(name, "row " * 1000)]

    first = [{"role": "user", "content": "First?"}, *round_of("a"), {"role": "assistant", "content": "One."}]
    now = [{"role": "user", "content": "Now?"}, *round_of("b"), *round_of("c"), *round_of("d")]
    whole = estimate_tokens([SYSTEM, *first, *now])
    assert fit([SYSTEM, *first, *now], whole - 1) == (SYSTEM, first[0], first[-1], *now)
    small = fit([SYSTEM, *first, *now], whole // 2 + 200)
    assert [m.get("content") for m in small if m["role"] == "user"] == ["Now?"]
    assert "left_out" in small[3]["content"] and small[-1]["content"].startswith("row ")


# --- over HTTP ------------------------------------------------------------------------------------


def test_a_server_that_takes_less_is_sent_less(run: Run) -> None:
    """What a local server takes is known to nobody else: its refusal is how one learns it."""
    earlier = [{"role": "user", "content": "Before? " * 400}, {"role": "assistant", "content": "Yes. " * 400}]
    too_long = fail(400, error="This model's maximum context length is 2048 tokens.")
    with ScriptedModel([too_long, call("run_sql", sql="SELECT 1"), say("42.")]) as server:
        conclusion = run(ask(server, history=earlier))
    assert conclusion.status == "ok"
    assert [len(request.body["messages"]) for request in server.requests] == [4, 2, 4]
    assert len(conclusion.messages) == 7, "what is kept is whole"


def test_a_question_that_is_itself_too_long_is_one_clear_error(run: Run) -> None:
    with ScriptedModel(then=fail(400, error="This model's maximum context length is 8 tokens.")) as server:
        conclusion = run(ask(server))
    assert conclusion.fault is not None and conclusion.fault.code == "model_context"
    assert len(server.requests) == 1


def test_a_long_conversation_is_cut_to_the_setting(run: Run) -> None:
    from csvanalyst_ext.agent.limits import AgentLimits

    earlier = [{"role": "user", "content": "Before? " * 4000}, {"role": "assistant", "content": "Yes."}]
    with ScriptedModel([say("42.")]) as server:
        run(ask(server, CannedWorkbench([ok(n=[1])]), history=earlier, limits=AgentLimits(max_context=6000)))
    assert len(server.requests[0].body["messages"]) == 2
