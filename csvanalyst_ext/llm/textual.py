"""Tool calls written as JSON text, for models and servers without tool calling of their own.

Runs on the host; pure.  ``to_text`` turns a conversation with tool calls into one of plain messages,
``read`` finds the call or the answer in what the model wrote.  Whoever uses the gateway sees calls and replies
as with any other model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from .chat import Message
from .thoughts import without_ended

_MOST_OBJECTS: Final = 40
_WRAPPED: Final = re.compile(
    r"\A\s*(?:```(?:json|tool_call)?|<tool_call>|<\|?(?:tool_call|python_tag)\|?>|\[TOOL_CALLS\])?\s*"
    r"(.*?)\s*(?:```|</tool_call>)?\s*\Z",
    re.DOTALL | re.IGNORECASE,
)
_ANSWER: Final = re.compile(r'\A\s*(?:```(?:json)?\s*)?\{\s*"answer"\s*:\s*"')
_HALF_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_HALF_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_STRING: Final = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)

NOT_JSON: Final = (
    'Your reply could not be read. Reply with one JSON object and nothing else: {"tool": "NAME", "arguments": {…}} '
    'to call a tool, or {"answer": "…"}.'
)


@dataclass(frozen=True, slots=True)
class Said:
    """A call (``tool`` with ``arguments``, JSON text) or an ``answer``."""

    tool: str = ""
    arguments: str = "{}"
    answer: str = ""


# --- to the model ---------------------------------------------------------------------------------


def to_text(messages: Sequence[Message], tools: Sequence[Message]) -> list[dict[str, Any]]:
    """``messages`` without tool calls and replies: calls and answers become JSON text of the model, replies
    messages to it.  The system prompt gets the form and the tools."""
    plain: list[dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message.get("content") or ""
        if role == "tool":
            _append(plain, "user", f"[result of {message.get('name', 'the tool')}]\n{content}")
        elif role != "assistant":
            _append(plain, role, content)
        else:
            calls = [_call_text(call["function"]) for call in message.get("tool_calls") or ()]
            _append(plain, role, "\n".join(calls) or json.dumps({"answer": content}, ensure_ascii=False))
    form = _form(tools)
    if plain and plain[0]["role"] == "system":
        plain[0]["content"] += f"\n\n{form}"
    else:
        plain.insert(0, {"role": "system", "content": form})
    return plain


def may_answer(messages: Sequence[Message]) -> bool:
    """Whether a tool has replied since the person's last message or the model was told to answer with what it has."""
    for message in reversed(messages):
        if message["role"] == "tool":
            return True
        if message["role"] == "assistant" and not message.get("tool_calls"):
            return False
    return False


def reply_schema(tools: Sequence[Message], *, answer: bool) -> dict[str, Any]:
    """The JSON Schema of a reply.  Weak models answer too early, so ``answer`` says whether they may."""
    forms = [
        _object({"tool": {"const": function["name"]}, "arguments": function["parameters"]})
        for function in (tool["function"] for tool in tools)
    ]
    if answer or not forms:
        forms.append(_object({"answer": {"type": "string"}}))
    return {"anyOf": forms} if len(forms) > 1 else forms[0]


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


def _form(tools: Sequence[Message]) -> str:
    if not tools:
        return 'Reply with one JSON object and nothing else: {"answer": "…"}. No tool can be called any more.'
    text = (resources.files(__package__) / "prompts" / "json_tools.md").read_text("utf-8").strip()
    listed = [
        f"- {f['name']}: {f['description']}\n  {json.dumps(f['parameters'], ensure_ascii=False)}"
        for f in (tool["function"] for tool in tools)
    ]
    return "\n".join([text, *listed])


def _call_text(function: Mapping[str, Any]) -> str:
    return json.dumps({"tool": function["name"], "arguments": json.loads(function["arguments"])}, ensure_ascii=False)


def _append(plain: list[dict[str, Any]], role: str, content: str) -> None:
    """Add a message; one of the same role as the last joins it, since chat templates want them to alternate."""
    if plain and plain[-1]["role"] == role:
        plain[-1]["content"] += f"\n\n{content}"
    else:
        plain.append({"role": role, "content": content})


# --- from the model -------------------------------------------------------------------------------


def read(text: str, names: Collection[str]) -> Said | None:
    """The first call or answer in ``text``, whatever stands around it; ``None`` when there is none."""
    return next((said for found in _objects(without_ended(text)) if (said := _meant(found, names))), None)


def read_call(text: str, names: Collection[str]) -> Said | None:
    """The call of one of ``names`` that ``text`` is as a whole, in the ways in which models that were not
    asked for text write one.  Prose that quotes a call is not one."""
    wrapped = _WRAPPED.match(without_ended(text))
    inner = wrapped[1] if wrapped else ""
    if not inner.startswith(("{", "[")):
        return None
    try:
        found = json.loads(inner, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    said = _meant(found, names) if isinstance(found, dict) else None
    return said if said is not None and said.tool in names else None


class AnswerStream:
    """Gives the text of ``{"answer": "…"}`` piece by piece, while it arrives."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def add(self, text: str) -> str:
        """What of the answer is new with this piece; ``""`` for anything else than an answer."""
        self._text += text
        start = _ANSWER.match(self._text)
        string = _STRING.match(self._text, start.end()) if start else None
        if string is None:
            return ""
        raw = _HALF_PAIR.sub("", _HALF_ESCAPE.sub(lambda m: m[0][: m.start(1) - m.start()], string[0]))
        try:
            answer = json.loads(f'"{raw}"', strict=False)
        except ValueError:
            return ""
        new, self._given = answer[self._given :], max(self._given, len(answer))
        return str(new)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(strict=False)
    place = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            return
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            yield found
        place = text.find("{", end)


def _meant(found: Mapping[str, Any], names: Collection[str]) -> Said | None:
    """What an object stands for: ``{"tool", "arguments"}``, ``{"answer"}``, and what models write instead."""
    for several in (found.get("tool_calls"), found.get("tools")):
        if isinstance(several, list) and several and isinstance(several[0], dict):
            found = several[0]
    if isinstance(found.get("function"), dict):
        found = found["function"]
    tool = next((found[k] for k in ("tool", "name", "function", "tool_name", "action") if _text(found.get(k))), "")
    keys = ("arguments", "parameters", "args", "action_input", "input")
    if tool:
        arguments = next((found[key] for key in keys if key in found), None)
        if arguments is None:
            arguments = {k: v for k, v in found.items() if v is not tool and k != "type"}
        return Said(tool, arguments if isinstance(arguments, str) else json.dumps(arguments))
    only = next(iter(found)) if len(found) == 1 else ""
    if only in names and isinstance(found[only], dict):
        return Said(only, json.dumps(found[only]))
    answer = next((found[key] for key in ("answer", "final_answer", "response") if key in found), None)
    if answer is None:
        return None
    return Said(answer=answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
