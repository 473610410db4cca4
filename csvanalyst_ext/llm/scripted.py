"""A model for tests: a real HTTP server on loopback that plays a script, in the dialect of the path it is asked at:
OpenAI's, Ollama's (``/api/chat``) or Anthropic's (``/v1/messages``); see ``scripted_dialects``.

Runs on the host, in a thread, only where a test starts it.  What the product does with a model is
tested over real HTTP through real LiteLLM; only the words of the model are written down.

    with ScriptedModel([call("run_sql", sql="SELECT 1"), say("One.")]) as server:
        settings = replace(settings, model="openai/scripted", api_base=server.api_base)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
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
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_base(self) -> str:
        return f"{self.root}/v1"

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
        if self.path == "/api/show":  # LiteLLM asks an Ollama server for this first
            self._send(200, {"template": "{{ .Tools }}", "capabilities": ["completion", "tools"], "model_info": {}})
            return
        turn = self.server.model.take(Request(self.path, self.headers.get("Authorization", ""), body))
        if turn.status != 200:
            self._refuse(turn)
            return
        from .scripted_dialects import dialect

        kind, events = dialect(self.path)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events(turn, str(body.get("model", ""))):
            self._write(event.encode(), bytewise=turn.bytewise)
        if turn.trouble == "hang":
            self.server.model.closing.wait()
        if turn.trouble in ("hang", "cut"):
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, turn: Turn) -> None:
        error = {"message": turn.error, "type": "scripted", "code": turn.status}
        self._send(turn.status, {"error": error}, *turn.headers)

    def _send(self, status: int, value: dict[str, Any], *headers: tuple[str, str]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, value_ in (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value_)
        self.end_headers()
        self.wfile.write(data)

    def _write(self, data: bytes, *, bytewise: bool) -> None:
        for piece in (data[i : i + 1] for i in range(len(data))) if bytewise else (data,):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
