"""A model for tests: a real OpenAI-compatible HTTP server on loopback that plays a script.

Runs on the host, in a thread, only where a test starts it.  What the product does with a model is
tested over real HTTP through real LiteLLM; only the words of the model are written down.

    with ScriptedModel([call("run_sql", sql="SELECT 1"), say("One.")]) as server:
        settings = replace(settings, model="openai/scripted", api_base=server.api_base)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Trouble = Literal["", "cut", "error", "hang", "silent_end"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call.  ``arguments`` is sent as it is, so it need not be JSON."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the server.

    ``status`` other than 200 is an HTTP error with ``headers``.  ``trouble`` comes after the text and
    the calls were sent: ``cut`` drops the connection, ``silent_end`` ends the stream without a finish
    reason, ``error`` sends an error object inside the stream, ``hang`` sends nothing more until the
    server is closed.  ``piece`` is the number of characters of text and arguments in one event;
    ``bytewise`` writes the stream to the socket one byte at a time.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    error: str = "scripted failure"
    trouble: Trouble = ""
    piece: int = 16
    bytewise: bool = False
    usage: tuple[int, int] | None = (100, 10)


def say(text: str, **changes: Any) -> Turn:
    return replace(Turn(text=text), **changes)


def call(name: str, /, *, raw: str | None = None, **arguments: Any) -> Turn:
    """A turn with one tool call; ``raw`` are its arguments as text."""
    return Turn(calls=(wanted(name, raw=raw, **arguments),))


def wanted(name: str, /, *, raw: str | None = None, id: str = "", **arguments: Any) -> Call:
    return Call(name, json.dumps(arguments) if raw is None else raw, id)


def calls(*several: Call) -> Turn:
    return Turn(calls=several)


def fail(status: int, *, retry_after: float | None = None, error: str = "scripted failure") -> Turn:
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Turn(status=status, headers=headers, error=error)


@dataclass(frozen=True, slots=True)
class Request:
    """What the server was sent."""

    path: str
    authorization: str
    body: dict[str, Any] = field(default_factory=dict)


class ScriptedModel:
    """Answers the n-th request with the n-th turn, and every later one with ``then`` (an HTTP error
    that names the mistake, unless given)."""

    def __init__(self, turns: Sequence[Turn] = (), *, then: Turn | None = None) -> None:
        self._turns = list(turns)
        self._then = then or fail(418, error="the script is over")
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self.requests: list[Request] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def take(self, request: Request) -> Turn:
        with self._lock:
            self.requests.append(request)
            return self._turns.pop(0) if self._turns else self._then

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ScriptedModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        turn = self.server.model.take(Request(self.path, self.headers.get("Authorization", ""), body))
        if turn.status != 200:
            self._refuse(turn)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in _events(turn, str(body.get("model", ""))):
            self._write(f"data: {event}\n\n".encode(), bytewise=turn.bytewise)
        if turn.trouble == "hang":
            self.server.model.closing.wait()
        if turn.trouble in ("hang", "cut"):
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, turn: Turn) -> None:
        data = json.dumps({"error": {"message": turn.error, "type": "scripted", "code": turn.status}}).encode()
        self.send_response(turn.status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *turn.headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _write(self, data: bytes, *, bytewise: bool) -> None:
        for piece in (data[i : i + 1] for i in range(len(data))) if bytewise else (data,):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()


def _events(turn: Turn, model: str) -> Iterator[str]:
    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        base = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": model}
        return json.dumps({**base, "choices": [choice], **more})

    yield event({"role": "assistant", "content": ""})
    for piece in _cut(turn.text, turn.piece):
        yield event({"content": piece})
    for index, wanted in enumerate(turn.calls):
        head = {"index": index, "id": wanted.id or f"call_{index}", "type": "function"}
        yield event({"tool_calls": [{**head, "function": {"name": wanted.name, "arguments": ""}}]})
        for piece in _cut(wanted.arguments, turn.piece):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if turn.trouble == "error":
        yield json.dumps({"error": {"message": turn.error, "type": "server_error", "code": 500}})
    if turn.trouble:
        return
    yield event({}, turn.finish or ("tool_calls" if turn.calls else "stop"))
    if turn.usage:
        prompt, completion = turn.usage
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        yield json.dumps({**json.loads(event({})), "choices": [], "usage": usage})
    yield "[DONE]"


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[i : i + size] for i in range(0, len(text), size))
