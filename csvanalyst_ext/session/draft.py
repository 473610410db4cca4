"""A question as it would be asked: what would be sent, to which model, at what price, under which limits.

Runs on the host, on the engine's loop.  Nothing is sent and nothing runs.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agent.history import fit
from ..agent.limits import AgentLimits
from ..agent.plan_tool import prepare
from ..agent.tools import toolbox
from ..config import OFFLINE_MODEL, Settings
from ..llm.boundary import Boundary
from ..llm.chat import Message, estimate_tokens
from ..llm.provenance import Own
from ..safe_text import redact
from .question import Question

if TYPE_CHECKING:
    from ..datasets.model import Dataset, ResultTable


@dataclass(frozen=True, slots=True)
class Draft:
    """``messages`` and ``tools`` are what the first call of the model would be sent, ``tokens`` about how many that
    are, ``price`` what sending them would cost in US dollars (``None``: not known).  ``code`` is the SQL (also of a
    plan) or Python that would run of an explicit question, which sends nothing."""

    mode: str
    model: str
    address: str
    datasets: tuple[str, ...]
    messages: tuple[Message, ...] = ()
    tools: tuple[Message, ...] = ()
    tokens: int = 0
    price: float | None = None
    limits: AgentLimits | None = None
    code: str = ""

    def json(self) -> dict[str, Any]:
        limits = self.limits
        return {
            "dry_run": True,
            "mode": self.mode,
            "model": self.model,
            "address": redact(self.address, os.environ),
            "datasets": list(self.datasets),
            "messages": [dict(message) for message in self.messages],
            "tools": [dict(tool) for tool in self.tools],
            "tokens_about": self.tokens,
            "cost_about": self.price,
            "limits": {} if limits is None else {name: getattr(limits, name) for name in limits.__slots__},
            "code": self.code,
        }


async def make(
    question: Question,
    settings: Settings,
    visible: Sequence[Dataset],
    history: Sequence[Message],
    models: Any,
    boundary: Boundary,
    results: Sequence[ResultTable] = (),
) -> Draft:
    """The draft of ``question``.  Raises ``ModelError`` for a model that there is not or that may not be called."""
    names = tuple(dataset.name for dataset in visible)
    if question.mode == "plan":
        return Draft(question.mode, "", "", names, code=prepare(question.text, visible, results).sql)
    if question.mode != "auto":
        return Draft(question.mode, "", "", names, code=question.text)
    model = question.model or settings.model
    whole, tools = opening(question, settings, visible, history)
    messages = copy.deepcopy(boundary).outgoing(model, None, whole).messages  # looking takes nothing from a sample
    quote = getattr(models, "quote", None)
    price = None if quote is None else await quote(model, messages, tools)
    limits = AgentLimits.of(settings, max_steps=question.max_steps, max_cost=question.max_cost)
    tokens = estimate_tokens(messages, tools)
    return Draft("auto", model, settings.api_base, names, messages, tools, tokens, price, limits)


def opening(
    question: Question, settings: Settings, visible: Sequence[Dataset], history: Sequence[Message]
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Messages and tools of the first call, before the data boundary."""
    may_ask = question.may_ask or (question.model or settings.model) == OFFLINE_MODEL
    box = toolbox(_Sight(visible, settings.python_enabled), may_ask=may_ask)
    system, asked = Own(box.system), Own(question.text)
    messages = ({"role": "system", "content": system}, *history, {"role": "user", "content": asked})
    tools = box.declarations()
    return fit(messages, AgentLimits.of(settings).max_context - estimate_tokens(tools)), tools


@dataclass(frozen=True, slots=True)
class _Sight:
    """A workbench that runs nothing: tools are declared over it and never called."""

    visible: Sequence[Dataset]
    python_enabled: bool

    def datasets(self) -> Sequence[Dataset]:
        return self.visible

    def results(self) -> Sequence[ResultTable]:
        return ()

    async def sql(self, text: str, **options: Any) -> Any:
        raise AssertionError("a draft runs nothing")

    async def python(self, code: str, **options: Any) -> Any:
        raise AssertionError("a draft runs nothing")
