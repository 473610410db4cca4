"""The preview is the request: the same bytes, and nothing is sent."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.policy import policy
from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.llm import preview as module
from csvanalyst_ext.llm.boundary import Boundary
from csvanalyst_ext.llm.provenance import Own, Reply
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say
from csvanalyst_ext.session.question import parse

from .test_data_boundary import CELL, Talk, csv

TOOLS = (
    {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
    },
)
ASKED = ({"role": "system", "content": Own("Answer.")}, {"role": "user", "content": Own("What?")})


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where connections went; those to elsewhere fail."""
    seen: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> Any:
        seen.append(address)
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            raise OSError(f"a connection to {address}")
        return connect(self, address)

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(host)
        assert host in ("127.0.0.1", "localhost", b"127.0.0.1"), f"{host} was looked up"
        return found(host, *rest, **more)

    found = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return seen


def previewed(model: str, **changes: Any) -> module.Preview:
    settings = Settings(**changes)
    return asyncio.run(module.preview(settings, Boundary(settings), model, ASKED, TOOLS))


@pytest.mark.parametrize("company", sorted(module.CAPTURED))
def test_a_provider_that_is_caught_sends_to_the_address_it_is_given_and_nowhere_else(
    company: str, only_loopback: list[Any]
) -> None:
    found = previewed(f"{company}/{'claude-3-5-haiku-latest' if company == 'anthropic' else 'some-model'}")
    assert found.exact and found.leaves
    assert "What?" in found.body
    json.loads(found.body)
    assert all("127.0.0.1" in str(place) for place in only_loopback)


@pytest.mark.parametrize(
    "model", ["gemini/gemini-2.0-flash", "bedrock/anthropic.claude-3-haiku-20240307-v1:0", "azure/x"]
)
def test_of_another_provider_it_shows_what_litellm_is_given(model: str, only_loopback: list[Any]) -> None:
    found = previewed(model)
    assert found.leaves and not found.exact
    assert [message["content"] for message in json.loads(found.body)["messages"]] == ["Answer.", "What?"]
    assert only_loopback == []


def test_the_planner_on_this_machine_is_sent_nothing(only_loopback: list[Any]) -> None:
    found = previewed("offline/planner")
    assert not found.leaves
    assert only_loopback == []


def test_the_preview_is_the_first_request_byte_by_byte(talk: Talk, tmp_path: Path) -> None:
    talk.add(csv(tmp_path))
    talk.ask([call("run_sql", sql="SELECT city, count(*) FROM canaryfile GROUP BY 1"), say("Thirty each.")])
    found = talk.do(talk.session.preview(parse("And in Rome?")))
    talk.ask([say("Thirty.")], "And in Rome?")
    assert json.loads(found.body) == talk.bodies[0]
    assert found.exact and "Thirty each." in found.body
    reply = next(m["content"] for m in talk.bodies[0]["messages"] if m["role"] == "tool")
    assert found.datasets == {"canaryfile": len(reply.encode())}
    assert found.bytes == len(found.body.encode())


def test_a_preview_sends_nothing_and_takes_nothing_from_a_sample(talk: Talk, tmp_path: Path) -> None:
    talk.add(csv(tmp_path), "sample:2")
    with ScriptedModel([say("No.")]) as server:
        talk.session.settings = replace(talk.session.settings, api_base=server.api_base)
        found = talk.do(talk.session.preview(parse("Who is there?")))
        assert server.requests == []
    assert "canaryfile" not in found.body, "tables are shown when a tool asks for them"
    assert talk.session.boundary._shown == {}


def test_looking_twice_at_a_conversation_with_sampled_rows_changes_nothing() -> None:
    settings = Settings()
    boundary = Boundary(settings)
    boundary.choose("t", policy("sample:2"))
    reply = Reply(lambda chosen: f"rows: {chosen.rows}", frozenset({"t"}), 9)
    messages = (*ASKED, {"role": "tool", "tool_call_id": "1", "content": reply})
    first = asyncio.run(module.preview(settings, boundary, "gemini/gemini-2.0-flash", messages, TOOLS))
    again = asyncio.run(module.preview(settings, boundary, "gemini/gemini-2.0-flash", messages, TOOLS))
    assert "rows: 2" in first.body and first.body == again.body
    assert boundary.outgoing("openai/x", "", messages).messages[-1]["content"] == "rows: 2"


def test_sql_and_python_ask_no_model(talk: Talk) -> None:
    with pytest.raises(UsageError):
        talk.do(talk.session.preview(parse("SQL: SELECT 1")))


def test_a_key_of_the_environment_is_not_in_a_preview(
    monkeypatch: pytest.MonkeyPatch, only_loopback: list[Any]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-key-0123456789abcdef")
    found = previewed("openai/gpt-4o-mini")
    assert "sk-canary" not in json.dumps(found.to_json())
    assert CELL.search(found.body) is None
