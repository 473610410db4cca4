"""The first request of a question as it would be sent, byte by byte, without sending it.

Runs on the host.  The request is really made, by LiteLLM and the provider's client, to a server in
this process at a loopback address, which keeps the body and refuses.  That is done only for providers
whose client goes to the address that it is given; of others it is told what LiteLLM would get.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final

from ..errors import ModelError
from .boundary import Boundary, is_offline
from .chat import Message
from .gateway import Gateway, Patience, load
from .request import Call, arguments_of, first_forms

if TYPE_CHECKING:
    from ..config import Settings

CAPTURED: Final = frozenset(
    {"openai", "anthropic", "hosted_vllm", "lm_studio", "deepseek", "groq", "mistral",
     "openrouter", "fireworks_ai", "xai"}
)  # fmt: skip
"""Providers whose client sends to ``api_base`` and nowhere else; a test holds them to it."""
_REFUSAL: Final = b'{"error":{"message":"only a preview","type":"invalid_request_error","code":"preview"}}'
_MOST_BODY: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preview:
    """``body`` is the JSON of the first request; ``exact`` says that it is the very text, and not what LiteLLM
    would make it of.  ``datasets`` are bytes of text by data set, ``tools`` the names of the tools.
    Nothing ``leaves`` for a model on this machine."""

    model: str
    leaves: bool
    exact: bool
    body: str
    tools: tuple[str, ...]
    datasets: Mapping[str, int]
    policies: Mapping[str, str]

    @property
    def bytes(self) -> int:
        return len(self.body.encode("utf-8", "replace"))

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "leaves": self.leaves,
            "exact": self.exact,
            "bytes": self.bytes,
            "bytes_by_dataset": {name: self.datasets.get(name, 0) for name in self.policies},
            "policies": dict(self.policies),
            "tools": list(self.tools),
            "body": self.body,
        }


async def preview(
    settings: Settings, boundary: Boundary, model: str, messages: Sequence[Message], tools: Sequence[Message]
) -> Preview:
    """What the first request with ``messages`` and ``tools`` would be.  Opens no connection to anywhere else.

    Raises ``ModelError`` (``model_not_found``, ``model_not_allowed``).
    """
    boundary = copy.deepcopy(boundary)  # what is only looked at takes nothing from a sample
    outgoing = boundary.outgoing(model, settings.api_base, messages)
    call = Call(model, settings.api_base, outgoing.messages, tuple(tools), None, 10.0, outgoing.datasets)
    names = tuple(str(tool["function"]["name"]) for tool in tools)
    policies = {name: str(chosen) for name, chosen in boundary.policies.items()}
    leaves = boundary.leaves(model, settings.api_base)
    if is_offline(model):
        body = _compact({"model": model, "messages": call.messages, "tools": call.tools})
        return Preview(model, leaves, False, body, names, outgoing.datasets, policies)
    litellm = await asyncio.to_thread(load)
    forms = first_forms(litellm, call, settings.tool_format)
    body = ""
    if leaves and litellm.get_llm_provider(model)[1] in CAPTURED:
        body = await _captured(settings, call, messages, boundary)
    exact = bool(body)
    if not exact:
        body = _compact(_given(litellm, call, forms[0]))
    return Preview(model, leaves, exact, body, names, outgoing.datasets, policies)


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _given(litellm: Any, call: Call, form: str) -> dict[str, Any]:
    with_address = replace(call, api_base=call.api_base or "http://127.0.0.1:9")  # then no key is asked for
    given = arguments_of(litellm, with_address, form)
    return {key: given[key] for key in ("model", "messages", "tools", "response_format") if key in given}


async def _captured(settings: Settings, call: Call, messages: Sequence[Message], boundary: Boundary) -> str:
    with _catching() as (address, caught):
        elsewhere = replace(settings, api_base=address, fallback_models="", local_model=False)
        gateway = Gateway(elsewhere, boundary=boundary, patience=Patience(attempts=1, wait=0.0, silence=10.0))
        with contextlib.suppress(ModelError):
            async with contextlib.aclosing(gateway.stream(call.model, messages, call.tools)) as stream:
                async for _ in stream:
                    break
    return caught[0] if caught else ""


@contextlib.contextmanager
def _catching() -> Iterator[tuple[str, list[str]]]:
    """A server that keeps the bodies of what it is sent and refuses it all."""
    caught: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _MOST_BODY)
            caught.append(self.rfile.read(length).decode("utf-8", "replace"))
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(_REFUSAL)))
            self.end_headers()
            self.wfile.write(_REFUSAL)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", caught
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
