"""The question under way: what is known of it so far, which is what its capsule tells if it is stopped.

Runs on the host.  Starts nothing and sends nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..agent.events import Conclusion
from ..llm.boundary import Boundary
from .bench import Bench
from .figures import Figures
from .run import Run, error_of


@dataclass(slots=True)
class Underway:
    """``run`` is exchanged as more becomes known."""

    run: Run
    started: float = field(default_factory=time.perf_counter)
    conclusion: Conclusion | None = None
    bench: Bench | None = None

    def conclude(self, conclusion: Conclusion) -> None:
        """What the answer would be if nothing more came."""
        self.conclusion = conclusion

    def concluded(self, conclusion: Conclusion) -> None:
        """The answer is there."""
        self.conclusion = conclusion
        error = error_of(conclusion.status, conclusion.fault)
        notes = (*self.run.notes, *conclusion.notes)
        self.run = replace(self.run, notes=notes, status=conclusion.status, error=error)

    def finished(
        self, facts: Mapping[str, Any], boundary: Boundary, figures: Figures, recipes: Mapping[str, Any]
    ) -> Run:
        """The run with what the conclusion adds, and the times.  ``recipes`` say where its data come from."""
        total = time.perf_counter() - self.started
        run = replace(self.run, facts=facts)
        start = self.bench.start if self.bench is not None else 0.0
        conclusion = self.conclusion
        if conclusion is None:
            return replace(run, timings={"start": start, "model": 0.0, "tools": 0.0, "total": total})
        tools = sum(step.seconds for step in conclusion.steps)
        asked = run.question.mode == "auto"
        timings = {
            "start": start,
            "model": max(0.0, total - tools) if asked else 0.0,
            "tools": max(0.0, tools - start),
            "total": total,
        }
        return replace(
            run,
            prose=conclusion.prose,
            steps=conclusion.steps,
            result=conclusion.result,
            usage=conclusion.usage,
            messages=boundary.outgoing(run.model, None, conclusion.messages).messages if asked else (),
            sent=boundary.sent,
            sources=recipes,
            policies={name: str(boundary.policy(name)) for name in run.datasets},
            numbers=figures.mark(run.question, conclusion),
            timings=timings,
        )
