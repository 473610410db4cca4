"""Every error that CSV Analyst raises, sorted by who must act.  Standard library only.

::

    AnalystError                 code, message, hint, details
    ├── UsageError               the command or option is wrong            (the person)
    │   └── PlanError            a plan cannot be read, or does not fit the data
    ├── DataError                a file or data set cannot be used         (the person)
    ├── StorageError             the disk is full or cannot be written     (the person)
    ├── SandboxError             no sealed place to run                    (the administrator)
    │   ├── EngineUnavailable    no Docker engine answers, or no permission
    │   ├── ImageUnavailable     the runner image is missing or another version
    │   ├── SpecRefused          the launch specification is weaker than required
    │   ├── SandboxBusy          too many sandboxes and requests at once on this machine
    │   ├── SandboxLost          the sandbox died or does not answer; the next question starts another
    │   └── RunnerMisbehaved     the runner sent something that the boundary refuses
    ├── QuestionError            the question's SQL or Python did not give a result (the model, the person)
    │   ├── Refused              a gate refused it
    │   ├── Failed               it raised an error
    │   ├── TimedOut             it passed its deadline
    │   ├── OutOfMemory          it passed the memory limit
    │   ├── Cancelled            it was stopped
    │   └── Crashed              its worker process died
    ├── NotUnderstood            nothing was answered: unclear or ambiguous (the person)
    ├── ModelError               the language model could not be reached or misbehaved
    └── LimitReached             a budget of the agent is used up

``code`` is stable and meant for programs; ``str(error)`` is for people and says what happened, why,
and what to do next.  Message and hint may quote data, a model, a sandbox or a provider, and they reach
notebooks, terminals and logs on roads that nobody controls, so they are made harmless when the error is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .safe_text import message as harmless
from .safe_text import shortened, unlinked


class AnalystError(Exception):
    """Base of all errors of this package."""

    status = "error"

    # Positional only: ``details`` may come from the sandbox and have any names.
    def __init__(self, code: str, message: str, hint: str = "", /, **details: Any) -> None:
        self.code = code
        self.message = harmless(message)
        self.hint = harmless(hint)
        super().__init__(self.message)
        self.details: Mapping[str, Any] = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of frames: the block a person acts on."""
        lines = [f"{type(self).__name__} ({self.code})", *shortened(self.message).splitlines()]
        return unlinked([*lines, *(f"  → {line}" for line in self.hint.splitlines())])

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "hint": self.hint, "details": dict(self.details)}


class UsageError(AnalystError):
    """The command or an option is wrong."""


class PlanError(UsageError):
    """A plan cannot be read, or does not fit the data; nothing has run.

    ``details`` has ``path``, the place in the plan (``group_by[1].column``, empty for the whole), and
    ``valid``, what would have been possible there, where that is a list.
    """


class DataError(AnalystError):
    """A file, a frame or a data set cannot be used."""


class StorageError(AnalystError):
    """The disk is full or a path cannot be written; nothing half-written is left."""


class SandboxError(AnalystError):
    """There is no sealed place to run, so nothing ran."""


class EngineUnavailable(SandboxError):
    """No Docker engine answers, or this user may not talk to it."""


class ImageUnavailable(SandboxError):
    """The runner image is missing or carries another protocol."""


class SpecRefused(SandboxError):
    """The container would be, or was made, weaker than the launch specification."""


class SandboxBusy(SandboxError):
    """Its turn did not come in time: this user's other sessions keep the machine busy."""


class SandboxLost(SandboxError):
    """The sandbox died or does not answer.  The next question starts a new one."""

    status = "crashed"


class RunnerMisbehaved(SandboxError):
    """The runner sent something that the boundary refuses; the sandbox is removed."""

    status = "crashed"


class QuestionError(AnalystError):
    """The SQL or Python of a question gave no result."""


class Refused(QuestionError):
    """A gate refused the SQL or Python."""

    status = "refused"


class Failed(QuestionError):
    """The SQL or Python raised an error."""


class TimedOut(QuestionError):
    """The deadline passed; the worker was killed."""

    status = "timeout"


class OutOfMemory(QuestionError):
    """The memory limit was reached; the worker was killed or gave up."""

    status = "memory"


class Cancelled(QuestionError):
    """The person stopped it; the worker was killed."""

    status = "cancelled"


class Crashed(QuestionError):
    """The worker process died."""

    status = "crashed"


class NotUnderstood(AnalystError):
    """Nothing was answered, because the question is unclear or ambiguous."""

    status = "clarify"


class ModelError(AnalystError):
    """The language model could not be reached, or what it sent cannot be used."""


class LimitReached(AnalystError):
    """A budget of the agent (steps, tool calls, time) is used up."""


BY_STATUS: Mapping[str, type[QuestionError]] = {
    kind.status: kind for kind in (Refused, Failed, TimedOut, OutOfMemory, Cancelled, Crashed)
}
