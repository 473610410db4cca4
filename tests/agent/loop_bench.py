"""Speed of the agent without the model's own time: ``python -m tests.agent.loop_bench``.

Nothing here is a test: numbers are reported, never asserted.  Aims: a tool round under 5 ms, the first token passed
on within 10 ms of its arrival, ``import csvanalyst_ext`` under 50 ms.  The first question of a session is one of a new
interpreter in which nothing was loaded beforehand.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from csvanalyst_ext.agent.events import Event, Prose
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.llm import scripted
from csvanalyst_ext.llm.chat import Completion, Delta, Message, TextDelta, ToolCall
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say

from .support import CannedWorkbench, ask, gateway_to, ok

ROUNDS = 50
FIRST_QUESTION = """
import asyncio, time
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import Settings
from csvanalyst_ext.llm.gateway import Gateway
from tests.agent.support import CannedWorkbench, ok

started = time.perf_counter()
asyncio.run(answer("How many rows are there?", gateway=Gateway(Settings()), model="offline/planner",
    toolbox=toolbox(CannedWorkbench([ok(rows=[3])])), limits=AgentLimits(), emit=lambda event: None))
print(time.perf_counter() - started)
"""
IMPORT = "import time; s = time.perf_counter(); import csvanalyst_ext; print(time.perf_counter() - s)"


class NoModel:
    """Calls a tool each time and then answers, at once."""

    def __init__(self, rounds: int) -> None:
        self._left = rounds

    async def stream(
        self, model: str, messages: Sequence[Message], tools: Sequence[Message], *, spend: float | None = None
    ) -> AsyncGenerator[Delta]:
        self._left -= 1
        if self._left < 0:
            yield TextDelta("Done.")
            yield Completion("Done.", (), "stop", 1, 1)
        else:
            yield Completion("", (ToolCall("c", "run_sql", json.dumps({"sql": f"SELECT {self._left}"})),), "", 1, 1)


async def tool_round(clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds for one round of the loop: a call, twenty rows of five columns back, everything counted and told."""
    rows = ok(**{f"column_{n}": list(range(1000)) for n in range(5)})
    started = clock()
    await answer(
        "How much?",
        gateway=NoModel(ROUNDS),
        model="none",
        toolbox=toolbox(CannedWorkbench([rows])),
        limits=AgentLimits(max_steps=ROUNDS + 2, max_tool_calls=ROUNDS + 2, max_tokens=10**9, max_context=10**9),
        emit=lambda event: None,
    )
    return (clock() - started) / ROUNDS


async def model_round() -> float:
    """Seconds for one round over HTTP, by a server that answers at once: the loop, LiteLLM and the network stack."""
    turns = [*(call("run_sql", sql=f"SELECT {n}") for n in range(10)), say("Done.")]
    with ScriptedModel(turns) as server:
        started = time.perf_counter()
        await ask(server, limits=AgentLimits(max_steps=20))
        return (time.perf_counter() - started) / len(turns)


async def first_token() -> float:
    """Seconds from the moment the server wrote the first piece of text to the moment a front end was told of it."""
    written: list[float] = []
    told: list[float] = []
    original = scripted._Handler._write

    def noticing(self: Any, data: bytes, *, bytewise: bool) -> None:
        if b'"content": "Twelve' in data:
            written.append(time.perf_counter())
        original(self, data, bytewise=bytewise)

    def emit(event: Event) -> None:
        if isinstance(event, Prose) and not told:
            told.append(time.perf_counter())

    scripted._Handler._write = noticing  # type: ignore[method-assign]
    try:
        with ScriptedModel([say("Twelve flights.", piece=6)]) as server:
            await ask(server, emit=emit)
    finally:
        scripted._Handler._write = original  # type: ignore[method-assign]
    return told[0] - written[0]


def in_a_new_interpreter(program: str) -> float:
    """The seconds that ``program`` prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def show(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    print(f"  {what:<40} {statistics.median(ordered) * 1000:8.2f} ms   p95 {last * 1000:8.2f} ms   n={len(ordered)}")


async def main() -> None:
    with ScriptedModel([say("Hi.")]) as server:  # loads LiteLLM
        await gateway_to(server).complete("openai/scripted", [{"role": "user", "content": "Hi"}], ())
    show("tool round without a model", [await tool_round() for _ in range(20)])
    show("the same, processor time", [await tool_round(time.process_time) for _ in range(20)])
    show("tool round with LiteLLM and HTTP", [await model_round() for _ in range(10)])
    show("first token passed on", [await first_token() for _ in range(30)])
    show("import csvanalyst_ext", [in_a_new_interpreter(IMPORT) for _ in range(10)])
    show("first question, offline planner, cold", [in_a_new_interpreter(FIRST_QUESTION) for _ in range(5)])


if __name__ == "__main__":
    asyncio.run(main())
