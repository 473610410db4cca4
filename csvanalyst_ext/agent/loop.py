"""The agent: a model that calls tools until it can answer.

Runs on the host, in the engine's event loop.  It runs no code and reads no data itself; that is the
workbench's.  What holds at every moment: each tool call of a model has exactly one reply, in order,
before anything else is sent; all budgets are counted here; nothing a model sends raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from ..errors import ModelError, SandboxError
from ..llm.chat import Completion, Delta, Message, TextDelta, ToolCall, estimate_tokens, note, remark
from ..llm.datablock import compose
from ..llm.provenance import Own, noted
from ..protocol import Fault
from . import replies
from .events import Conclusion, Event, Prose, Step, Thinking, ToolEnded, ToolProgress, ToolStarted
from .history import fit
from .limits import AgentLimits, Budget
from .review import Review
from .tools import Tool, Toolbox, ToolResult, check, fault_result

_MOST_TEXT: Final = 500
_REPEATS: Final = 3
_CORRECTIONS: Final = 2
_KEPT: Final = "What was found so far is kept. Ask something narrower, or use another model."

_LAST_CHANCE: Final = "The budget for tools is used up. Answer now from the results above, or say what is missing."
_EMPTY: Final = "Your reply was empty. Call a tool, or write the answer."
_CUT: Final = "Your reply was cut at the token limit. Be much shorter."
_SENT_BACK: Final = (
    "The first answer had figures that are not in the results; the model was asked once to correct them."
)
_REPEATED: Final = "You sent this call before; this is its first result again. Do something else, or answer."


class Streams(Protocol):
    """The part of the gateway that the loop uses."""

    def stream(
        self, model: str, messages: Sequence[Message], tools: Sequence[Message], *, spend: float | None = None
    ) -> AsyncGenerator[Delta]: ...


async def answer(
    question: str,
    *,
    gateway: Streams,
    model: str,
    toolbox: Toolbox,
    limits: AgentLimits,
    history: Sequence[Message] = (),
    emit: Callable[[Event], None],
    keep: Callable[[Conclusion], None] | None = None,
    review: Review | None = None,
) -> Conclusion:
    """Answer ``question``.  ``history`` are earlier messages without the system prompt.

    ``review`` is asked about the finished answer; what it returns goes back to the model, once, and the
    answer that comes then stands.

    What a model or its provider does wrong ends in a ``Conclusion`` with a fault.  Raises
    ``SandboxError`` when there is no place to run anything, and ``CancelledError``; before it does,
    ``keep`` is given what there is so far, with every tool call replied to.
    """
    run = _Run(gateway, model, toolbox, Budget(limits), emit, limits.max_context, review)
    run.messages = [
        {"role": "system", "content": Own(toolbox.system)},
        *history,
        {"role": "user", "content": Own(question)},
    ]
    try:
        async with asyncio.timeout(limits.max_seconds) as clock:
            return await run.turns()
    except TimeoutError:
        if not clock.expired():
            raise
        run.reply_to_open("The question's time is used up.", "agent_limit_seconds")
        return run.limit(run.budget.over("seconds", f"The question took longer than {limits.max_seconds:g} seconds."))
    except asyncio.CancelledError:
        run.reply_to_open("The person stopped the question.", "cancelled")
        if keep is not None:
            keep(run.conclude("cancelled", fault=Fault("cancelled", "The question was stopped.")))
        raise
    except SandboxError as error:
        run.reply_to_open("There is no sandbox to run this in.", error.code)
        if keep is not None:
            fault = Fault(error.code, error.message, error.hint, dict(error.details))
            keep(run.conclude(error.status, fault=fault))
        raise


@dataclass(slots=True)
class _Run:
    """One question under way."""

    gateway: Streams
    model: str
    toolbox: Toolbox
    budget: Budget
    emit: Callable[[Event], None]
    context: int
    review: Review | None = None
    messages: list[dict[str, Any] | Message] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    open: list[ToolCall] = field(default_factory=list)
    prose: str = ""
    notes: list[str] = field(default_factory=list)
    nudges: int = 0
    sent_back: str = ""
    seen: dict[tuple[str, str], tuple[int, ToolResult]] = field(default_factory=dict)

    async def turns(self) -> Conclusion:
        limits = self.budget.limits
        for step in range(1, limits.max_steps + 1):
            if fault := self.budget.used_up():
                return self.limit(fault)
            last = not self.budget.calls_left or (step == limits.max_steps and step > 1)
            if last:
                self.messages.append(note(_LAST_CHANCE))
            try:
                completion = await self._think(step, () if last else self.toolbox.declarations())
            except ModelError as error:
                if error.code == "model_over_budget" and step > 1:
                    return self.limit(self.budget.over_cost())
                return self.fail(Fault(error.code, error.message, error.hint, dict(error.details)))
            self.prose = completion.text.strip()
            if not completion.calls:
                if ended := self._spoke(completion, last):
                    return ended
                continue
            self._record_calls(completion)
            if ended := await self._run_calls(withheld=last):
                return ended
            if last:
                break
        if not self.budget.calls_left:
            message = f"The model used up its {limits.max_tool_calls} tool calls without an answer."
            return self.limit(self.budget.over("tool_calls", message))
        steps = f"{limits.max_steps} step{'s' * (limits.max_steps > 1)}"
        return self.limit(self.budget.over("steps", f"The model gave no answer within {steps}."))

    async def _think(self, step: int, tools: Sequence[Message]) -> Completion:
        self.emit(Thinking(step, self.budget.limits.max_steps, self.budget.usage))
        while True:
            sent = fit(self.messages, self.context - estimate_tokens(tools))
            try:
                return await self._listen(sent, tools)
            except ModelError as error:
                # What a server takes is often known to nobody else: it is told half as much, as long as that helps.
                self.context = estimate_tokens(sent, tools) // 2
                if error.code != "model_context" or fit(sent, self.context - estimate_tokens(tools)) == sent:
                    raise

    async def _listen(self, sent: tuple[Message, ...], tools: Sequence[Message]) -> Completion:
        stream = self.gateway.stream(self.model, sent, tools, spend=self.budget.spend)
        async with contextlib.aclosing(stream):
            async for delta in stream:
                if isinstance(delta, TextDelta):
                    self.emit(Prose(delta.text))
                else:
                    self.budget.count(delta, estimate_tokens(sent, tools))
                    self._note_model(delta.model)
                    return delta
        raise ModelError("model_stream_broken", f"The answer of {self.model} broke off.", "Ask again.")

    def _note_model(self, model: str) -> None:
        said = f"{self.model} did not answer; {model} was asked instead."
        if model and model != self.model and said not in self.notes:
            self.notes.append(said)

    def _spoke(self, completion: Completion, last: bool) -> Conclusion | None:
        """The model wrote and called nothing: the end, or a nudge when there is nothing to use."""
        cut = completion.finish_reason == "length"
        done = last or self.nudges >= (_CORRECTIONS if completion.trouble else 1)
        if self.prose and not completion.trouble and (not cut or done):
            self.messages.append({"role": "assistant", "content": completion.text})
            ended = self._answered()
            return None if not last and self._sends_back(ended) else ended
        if done:
            return self.fail(_useless(self.model, completion))
        self.nudges += 1
        if completion.text and not completion.trouble:
            self.messages.append({"role": "assistant", "content": completion.text})
        self.messages.append(note(completion.trouble or (_CUT if cut else _EMPTY)))
        return None

    def _answered(self) -> Conclusion:
        """Prose alone is no answer when every query failed: then the last failure is the outcome."""
        ran = [step for step in self.steps if step.language]
        if ran and all(step.status != "ok" for step in ran):
            return self.conclude(ran[-1].status, self.prose, ran[-1].fault)
        return self.conclude("ok", self.prose)

    def _sends_back(self, ended: Conclusion) -> bool:
        """Whether the review wants the answer once more.  It is asked once."""
        if self.review is None or self.sent_back or ended.status != "ok":
            return False
        see = self.review(ended)
        if see is None:
            return False
        self.sent_back = ended.prose
        self.notes.append(_SENT_BACK)
        self.messages.append(remark(see))
        return True

    # --- tool calls -----------------------------------------------------------------------------

    def _record_calls(self, completion: Completion) -> None:
        self.open = list(completion.calls)
        wanted = [
            {
                "id": call.id,
                "type": "function",
                # Providers refuse a history with arguments that are not JSON.
                "function": {"name": call.name, "arguments": call.arguments if _is_object(call.arguments) else "{}"},
            }
            for call in completion.calls
        ]
        self.messages.append({"role": "assistant", "content": completion.text or None, "tool_calls": wanted})

    async def _run_calls(self, *, withheld: bool) -> Conclusion | None:
        """Run the open calls one after the other.  Returns how the question ended, if it did."""
        while self.open:
            call = self.open[0]
            if withheld or not self.budget.calls_left:
                refusal = {"status": "refused", "error": "agent_limit_tool_calls", "hint": _LAST_CHANCE}
                self._reply(call, Own(compose(refusal)))
                continue
            self.budget.tool_calls += 1
            result = await self._run_call(call)
            if result is None:
                self.reply_to_open("The same call was sent again and again.", "agent_repeats")
                message = f"The model {self.model} repeated the same call of {replies.clean(call.name, 60)}."
                return self.limit(Fault("agent_repeats", message, _KEPT))
            if result.status == "clarify":
                self.reply_to_open("Not run: the person was asked first.", "not_run")
                details = {"choices": list(result.choices)}
                fault = Fault("question_unclear", result.question, _choices(result.choices), details)
                return replace(self.conclude("clarify", result.question, fault), result=None)
        return None

    async def _run_call(self, call: ToolCall) -> ToolResult | None:
        """Run one call and reply to it; ``None`` when it was sent once too often."""
        tool = self.toolbox.tools.get(call.name)
        arguments, fault = self._arguments(call, tool)
        self.emit(ToolStarted(call.id, call.name, arguments))
        started = time.perf_counter()
        key = (call.name, json.dumps(arguments, sort_keys=True))
        times, first = self.seen.get(key, (0, None))
        if first is not None and times + 1 >= _REPEATS:
            self.emit(ToolEnded(call.id, call.name, "refused", "repeated", 0.0))
            return None
        if first is not None:
            result = replace(first, reply=noted(first.reply, _REPEATED), summary=f"{first.summary} (repeated)")
        elif fault is not None:
            result = fault_result("error", fault)
        elif tool is not None:
            try:
                result = await self._guarded(tool, arguments, call)
            except BaseException:
                # Stopped, or no sandbox: a front end that saw the start also sees the end.
                self.emit(ToolEnded(call.id, call.name, "cancelled", "stopped", time.perf_counter() - started))
                raise
        self.seen[key] = (times + 1, first or result)
        self.notes += [said for said in result.notes if said not in self.notes]
        seconds = time.perf_counter() - started
        code = result.code or (str(arguments.get(tool.code, "")) if tool and tool.code else "")
        language = tool.language if tool else ""
        step = Step(
            call.name, arguments, language, code, result.status, seconds, result.reply, result.fault, result.outcome
        )
        self.steps.append(step)
        self._reply(call, result.reply)
        self.emit(ToolEnded(call.id, call.name, result.status, result.summary, seconds))
        return result

    async def _guarded(self, tool: Tool, arguments: Mapping[str, Any], call: ToolCall) -> ToolResult:
        def progress(rows: int, size: int) -> None:
            self.emit(ToolProgress(call.id, rows, size))

        try:
            return await tool.run(arguments, progress)
        except SandboxError:
            raise
        except Exception as error:
            # A tool that breaks is our mistake; the question may still be answered in another way.
            message = f"The tool {tool.name} failed inside ({type(error).__name__})."
            return fault_result("error", Fault("tool_failed", message, "Try another tool."))

    def _arguments(self, call: ToolCall, tool: Tool | None) -> tuple[dict[str, Any], Fault | None]:
        """The arguments as an object, and what is wrong with the call, if anything."""
        try:
            found = json.loads(call.arguments or "{}", parse_constant=_no_constant)
        except (ValueError, RecursionError):
            found = None
        kept = found if isinstance(found, dict) else {"unparsed": call.arguments[:_MOST_TEXT]}
        if tool is None:
            message = f"There is no tool {replies.clean(call.name, 60)!r}."
            return kept, Fault("unknown_tool", message, f"There is: {', '.join(self.toolbox.tools)}.")
        if found is None:
            message = f"The arguments of {tool.name} are not JSON."
            return kept, Fault("tool_arguments", message, "Send the whole call again, with valid JSON.")
        return kept, check(tool, found)

    def _reply(self, call: ToolCall, text: str) -> None:
        self.open.remove(call)
        self.messages.append({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": text})

    def reply_to_open(self, reason: str, code: str) -> None:
        """Reply to every call that has no reply yet."""
        for call in tuple(self.open):
            self._reply(call, Own(compose({"status": "cancelled", "error": code, "hint": reason})))

    # --- the end --------------------------------------------------------------------------------

    def limit(self, fault: Fault) -> Conclusion:
        return self.fail(fault, self.prose)

    def fail(self, fault: Fault, prose: str = "") -> Conclusion:
        """The end by a fault.  An answer that was sent back and did not come again stands as it was."""
        if self.sent_back:
            return self.conclude("ok", self.sent_back)
        return self.conclude("error", prose, fault)

    def conclude(self, status: str, prose: str = "", fault: Fault | None = None) -> Conclusion:
        found = [s.outcome for s in self.steps if s.status == "ok" and s.outcome and s.outcome.table is not None]
        result = found[-1] if found else None
        return Conclusion(
            status, prose, tuple(self.steps), result, fault, self.budget.usage, tuple(self.messages), tuple(self.notes)
        )


def _useless(model: str, completion: Completion) -> Fault:
    if completion.trouble:
        message = f"The model {model} does not keep to the form in which tools are called."
        return Fault("model_format", message, "Ask again, use another model, or try tool_format=native.")
    return Fault("model_empty", f"The model {model} gave an empty answer.", "Ask again, or use another model.")


def _choices(choices: Sequence[str]) -> str:
    return f"Choices: {'; '.join(choices)}." if choices else ""


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant), dict)
    except (ValueError, RecursionError):
        return False


def _no_constant(name: str) -> None:
    raise ValueError(name)
