"""Keys: from the environment to the provider, and nowhere else."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.answer import Answer
from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, fail, say
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.views import pages
from tests.support.fakes import open_fake

from .conftest import Run
from .support import AT_ONCE

KEY = "sk-proj-canary-0123456789abcdef"
PLAIN = "canary_plain_0123456789"
"""A key that does not look like one."""

TURNS: list[tuple[str, Turn]] = [
    ("an answer", say("Hello.")),
    ("a key in the answer", say(f"Your key is {KEY}, or {PLAIN}.", piece=3)),
    *((f"{status}", fail(status, error=f"Incorrect API key provided: {KEY}, {PLAIN}")) for status in (400, 401, 403)),
    *((f"{status}", fail(status, error=f"Incorrect API key provided: {KEY}, {PLAIN}")) for status in (404, 429, 500)),
    ("too long", fail(400, error=f"maximum context length is 8 tokens {KEY} {PLAIN}")),
    ("an error inside the stream", say("Hel", trouble="error", error=f"{KEY} {PLAIN}")),
    ("a cut stream", say("Hel", trouble="cut")),
    ("a wrong call", call(f"tool_{PLAIN}", key=KEY)),
]


def everything(home: Path) -> str:
    return "\n".join(path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("key", [KEY, PLAIN])
@pytest.mark.parametrize("turn", [turn for _, turn in TURNS], ids=[name for name, _ in TURNS])
def test_no_key_is_shown_logged_or_kept_whatever_happens(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], turn: Turn, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    try:
        with ScriptedModel([call("list_datasets"), turn], then=turn) as server:
            settings = Settings(home=tmp_path / "home", api_base=server.api_base, model_access="loopback")
            session = open_fake(settings, gateway=Gateway(settings, patience=AT_ONCE))
            question = parse("How many?", model="openai/scripted")
            drafted = run(session.draft(question))
            outcome = run(session.ask(question))
    finally:
        logging.getLogger().removeHandler(handler)
    assert server.requests[0].authorization == f"Bearer {key}", "the provider does get it"
    answer = Answer(outcome)
    shown = [str(answer), json.dumps(answer._repr_mimebundle_()), json.dumps(drafted.json()), str(pages.draft(drafted))]
    shown += [str(outcome.error), repr(outcome.error), json.dumps(answer.json()["error"]), logged.getvalue()]
    shown += list(capfd.readouterr())
    assert key not in everything(tmp_path)
    assert all(key not in text for text in shown)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"])
def test_the_environment_never_reaches_a_record_or_a_request_body(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, PLAIN)
    with ScriptedModel([call("list_datasets"), say("None.")]) as server:
        settings = Settings(home=tmp_path / "home", api_base=server.api_base, model_access="loopback")
        session = open_fake(settings, gateway=Gateway(settings, patience=AT_ONCE))
        run(session.ask(parse("How many?", model="openai/scripted"))).raise_for_status()
    assert PLAIN not in everything(tmp_path)
    assert all(PLAIN not in json.dumps(request.body) for request in server.requests)


def test_settings_have_no_place_for_a_key() -> None:
    named: Any = Settings.__dataclass_fields__
    assert not [
        name for name in named if any(word in name for word in ("key", "token", "secret")) and name != "max_tokens"
    ]
