"""The gateway: who may be called, what an error says, and what it never says."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest

from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import ModelError, UsageError
from csvanalyst_ext.llm.chat import Completion
from csvanalyst_ext.llm.gateway import Gateway, Patience, load
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, fail, say, wanted
from csvanalyst_ext.safe_text import redact

from .conftest import Run
from .support import AT_ONCE, MODEL, CannedWorkbench, gateway_to

HELLO = [{"role": "user", "content": "Hello"}]


def complete(run: Run, gateway: Gateway, model: str = MODEL) -> Completion:
    completion = run(gateway.complete(model, HELLO, ()))
    assert isinstance(completion, Completion)
    return completion


def error_of(run: Run, gateway: Gateway, model: str = MODEL) -> ModelError:
    with pytest.raises(ModelError) as caught:
        complete(run, gateway, model)
    return caught.value


@pytest.mark.parametrize(("access", "model"), [("loopback", "openai/gpt-4o"), ("offline", MODEL)])
def test_a_model_that_is_not_allowed_is_never_called(run: Run, access: str, model: str) -> None:
    with ScriptedModel([say("Hi")]) as server:
        base = server.api_base if access == "offline" else "https://api.example.invalid/v1"
        error = error_of(run, Gateway(Settings(api_base=base, model_access=access)), model)
    assert error.code == "model_not_allowed" and server.requests == []


def test_an_unknown_access_is_a_clear_error() -> None:
    with pytest.raises(UsageError):
        Gateway(Settings(model_access="some"))


def test_a_missing_key_is_named_before_anything_is_sent(run: Run) -> None:
    error = error_of(run, Gateway(Settings()), "openai/gpt-4o")
    assert error.code == "model_auth" and "OPENAI_API_KEY" in str(error)


def test_an_unknown_model_is_a_clear_error(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    error = error_of(run, Gateway(Settings()), "nonsense/model")
    assert error.code == "model_not_found" and "nonsense/model" in str(error)
    assert capsys.readouterr().out == ""


def test_a_refused_connection_is_unreachable(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    error = error_of(run, Gateway(Settings(api_base=base), patience=AT_ONCE))
    assert error.code == "model_unreachable"


def test_a_local_server_needs_no_key(run: Run) -> None:
    with ScriptedModel([say("Hi")]) as server:
        assert complete(run, gateway_to(server)).text == "Hi"


def test_the_key_of_the_environment_is_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    with ScriptedModel([say("Hi")]) as server:
        complete(run, gateway_to(server))
    assert server.requests[0].authorization == "Bearer sk-canary-0123456789"


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_no_error_carries_the_key(run: Run, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "very-secret-canary-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with ScriptedModel(then=fail(status, error=f"Incorrect API key provided: {key}")) as server:
        error = error_of(run, gateway_to(server))
    assert "Incorrect API key" in str(error)
    chain: BaseException | None = error
    while chain is not None and not (chain.__suppress_context__ and chain.__cause__ is None):
        assert key not in f"{chain!s} {chain!r} {getattr(chain, 'details', '')}"
        chain = chain.__cause__ or chain.__context__
    assert key not in f"{error!s} {error!r} {error.to_json()}"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefgh12345678", "Bearer abcdef.ghijkl", "https://user:pass@proxy.example/v1", "xai-abcdefgh1234",
        "gsk_abcdefgh12345678", "the value hunter22 of a variable",
    ],
)  # fmt: skip
def test_what_looks_like_a_key_is_hidden(text: str) -> None:
    shown = redact(text, {"SOME_API_KEY": "hunter22", "PATH": "/usr/bin"})
    for secret in ("abcdefgh", "ghijkl", "pass@", "hunter22"):
        assert secret not in shown


def test_ordinary_words_are_not_hidden() -> None:
    text = "The desk-lamp task-force asked for 12345678 rows of the risk-adjusted table."
    assert redact(text, {}) == text


def test_no_usage_is_no_number(run: Run) -> None:
    with ScriptedModel([say("Hi", usage=None)]) as server:
        completion = complete(run, gateway_to(server))
    assert (completion.prompt_tokens, completion.cost) == (None, None)


def test_a_known_price_gives_a_cost(run: Run) -> None:
    with ScriptedModel([say("Hi", usage=(1000, 100))]) as server:
        completion = complete(run, gateway_to(server), "openai/gpt-4o-mini")
    assert completion.cost is not None and 0 < completion.cost < 0.01


def test_calls_that_are_all_numbered_0_are_kept_apart(run: Run) -> None:
    two = Turn(calls=(wanted("a", x=1), wanted("b", y=2)))
    with ScriptedModel([two]) as server:
        completion = complete(run, gateway_to(server))
    assert [(c.name, c.arguments) for c in completion.calls] == [("a", '{"x": 1}'), ("b", '{"y": 2}')]


def test_nothing_is_tried_again_after_the_first_piece(run: Run) -> None:
    with ScriptedModel([say("Hel", trouble="cut"), say("Hello")]) as server:
        assert error_of(run, gateway_to(server)).code == "model_stream_broken"
    assert len(server.requests) == 1


def test_a_long_wait_that_a_provider_asks_for_is_cut_short(run: Run) -> None:
    patience = Patience(attempts=2, wait=0.0, longest_wait=0.0)
    with ScriptedModel([fail(429, retry_after=3600), say("Hi")]) as server:
        assert complete(run, gateway_to(server, patience)).text == "Hi"


def test_how_long_a_model_may_say_nothing_is_a_setting(run: Run) -> None:
    with ScriptedModel([say("Hi", trouble="hang")]) as server:
        settings = Settings(api_base=server.api_base, model_access="loopback", model_timeout=0.3)
        error = error_of(run, Gateway(settings))
    assert error.code == "model_timeout" and "CSVANALYST_MODEL_TIMEOUT" in error.hint


def test_loading_opens_no_socket_and_prints_nothing() -> None:
    """In a fresh interpreter, since here it is loaded already."""
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "from csvanalyst_ext.llm.gateway import load\n"
        "load()\n"
    )
    done: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_importing_the_gateway_does_not_import_litellm() -> None:
    program = "import sys, csvanalyst_ext.llm.gateway, csvanalyst_ext.agent.loop; assert 'litellm' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


# --- the offline planner --------------------------------------------------------------------------

_ALONE = """
import asyncio, sys
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.gateway import Gateway
from tests.agent.support import CannedWorkbench, ok

conclusion = asyncio.run(answer("How many rows are there?", gateway=Gateway(Settings()), model="offline/planner",
    toolbox=toolbox(CannedWorkbench([ok(rows=[3])])), limits=AgentLimits(), emit=lambda event: None))
print(conclusion.status, conclusion.usage.cost, "litellm" in sys.modules)
"""


def test_a_question_to_the_planner_does_not_load_litellm() -> None:
    done = subprocess.run([sys.executable, "-c", _ALONE], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["ok", "0.0", "False"], done.stderr


def test_the_planner_gives_the_same_replies_as_a_provider_of_litellm(run: Run) -> None:
    litellm = load()
    tools = toolbox(CannedWorkbench()).declarations()
    messages: list[dict[str, Any]] = [{"role": "user", "content": "How many rows are there?"}]
    for ask in ({}, {"tools": list(tools)}):
        stream = run(litellm.acompletion(model="offline/planner", messages=messages, **ask))
        direct = run(Gateway(Settings()).complete("offline/planner", messages, ask.get("tools", ())))
        theirs = stream.choices[0].message
        assert (theirs.content or "") == direct.text
        assert [(c.id, c.function.name, c.function.arguments) for c in theirs.tool_calls or ()] == [
            (c.id, c.name, c.arguments) for c in direct.calls
        ]
