"""A run once more, without a model: the code of its capsule, over the same data, in a fresh sandbox.

Runs on the host, on the engine's loop.  The code is what the capsule recorded, passes the same gates, and
runs nowhere but in a sandbox.  Data are the same when their bytes have the SHA-256 that the capsule names;
where they come from does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..agent import charts
from ..agent.events import ToolEnded, ToolStarted
from ..capsules.store import Capsule
from ..datasets.sources import FileSource, Source, resolve
from ..errors import AnalystError, DataError
from ..execution.base import Artefact, Outcome
from ..protocol import Limits, PythonRequest, SqlRequest
from . import comparing
from .comparing import Verdict
from .shelf import Emit

if TYPE_CHECKING:
    from .session import AnalystSession

CHART: Final = "make_chart"
"""The one tool whose call is replayed without code: what it draws is the result of another step."""
_RESULT: Final = re.compile(r"\br[1-9][0-9]*\b", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Known:
    """A source of the person's session, which may be the data of a run."""

    source: Source
    options: Mapping[str, str | bool]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StepReplay:
    """``number`` is the step's place in the run, from 1.  ``why`` is a sentence, empty for plainly the same."""

    number: int
    tool: str
    language: str
    code: str
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """``notes`` say what is not as it was then: image, versions, limits."""

    id: str
    steps: tuple[StepReplay, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its steps; a run without code that ran cannot be replayed."""
        found = {step.verdict for step in self.steps}
        return "different" if "different" in found else "same" if found == {"same"} else "cannot"

    def to_json(self) -> dict[str, Any]:
        fields = ("number", "tool", "language", "verdict", "why", "code")
        steps = [{name: getattr(step, name) for name in fields} for step in self.steps]
        return {"id": self.id, "verdict": self.verdict, "steps": steps, "notes": list(self.notes)}


async def replay(capsule: Capsule, fresh: AnalystSession, known: Sequence[Known], emit: Emit) -> Replay:
    """Run the steps of ``capsule`` in ``fresh``, a session of its own, and compare.

    The data are looked for among the ``known`` ones, then where the capsule says that they were.
    Raises ``SandboxError`` when there is no place to run anything, and ``DataError``
    (``capsule_damaged``) when a recorded table cannot be read.
    """
    missing = await _restore(capsule, fresh, known, emit)
    steps, results = [], set[str]()
    for number, step in enumerate(capsule.record["steps"], 1):
        drew = step["tool"] == CHART and step["status"] == "ok"
        if not drew and not (step["language"] and step["code"]):
            continue
        call = f"replay-{number}"
        emit(ToolStarted(call, step["tool"], {}))
        if drew:
            verdict, why = await _chart(capsule, fresh, step, results)
        else:
            verdict, why = await _step(capsule, fresh, step, missing, results)
        emit(ToolEnded(call, step["tool"], verdict, why or verdict, 0.0))
        steps.append(StepReplay(number, step["tool"], step["language"], step["code"], verdict, why))
    return Replay(capsule.id, tuple(steps), tuple(_changes(capsule.record, fresh.facts())))


# --- the data -------------------------------------------------------------------------------------


async def _restore(capsule: Capsule, fresh: AnalystSession, known: Sequence[Known], emit: Emit) -> dict[str, str]:
    """Make the run's data sets visible in ``fresh``; why, for those that cannot be."""
    missing: dict[str, str] = {}
    recorded: Mapping[str, Any] = capsule.record.get("sources", {})
    for name, fingerprint in capsule.record["datasets"].items():
        candidates = [(one.source, one.options) for one in known if one.fingerprint == fingerprint]
        candidates += _recorded(recorded.get(name))
        missing[name] = f"The data {name} (SHA-256 {fingerprint[:12]}…) are not here; add them and try again."
        for source, options in candidates:
            try:
                (dataset,) = await fresh.add_source(source, name, options, emit)
            except (DataError, OSError):
                continue
            if dataset.fingerprint == fingerprint:
                del missing[name]
                break
            missing[name] = f"The data {name} have changed since: {dataset.source} is another file now."
    return missing


def _recorded(found: Any) -> list[tuple[Source, Mapping[str, str | bool]]]:
    if not isinstance(found, Mapping) or not isinstance(found.get("source"), str):
        return []
    try:
        sources = resolve(found["source"], cwd=Path.cwd(), variables={})
    except AnalystError:
        return []
    options = found.get("options")
    return [(source, options if isinstance(options, Mapping) else {}) for source in sources]


def recipe(source: Source, options: Mapping[str, str | bool]) -> dict[str, Any]:
    """How a capsule writes down where a data set came from."""
    text = source.label if not isinstance(source, FileSource) or source.shipped else str(source.path)
    return {"source": text, "options": dict(options)}


# --- one step -------------------------------------------------------------------------------------


async def _step(
    capsule: Capsule, fresh: AnalystSession, step: Mapping[str, Any], missing: Mapping[str, str], results: set[str]
) -> tuple[Verdict, str]:
    if step["status"] == "cancelled":
        return "cannot", "It was stopped then."
    words = {word.casefold() for word in _WORD.findall(step["code"])}
    gone = [name for name in missing if name.casefold() in words or name in step.get("gate", {}).get("tables", ())]
    if gone or (missing and step["language"] == "python" and "load" in words):
        return "cannot", missing[gone[0] if gone else next(iter(missing))]
    for name in map(str.lower, _RESULT.findall(step["code"])):
        if name not in results:
            return "cannot", f"It reads {name}, the result of another question."
    outcome = await fresh.run(_request(capsule, step, tuple(n for n in capsule.record["datasets"] if n not in missing)))
    if outcome.name:
        results.add(outcome.name)
    return _compared(capsule, step, outcome)


async def _chart(
    capsule: Capsule, fresh: AnalystSession, step: Mapping[str, Any], results: set[str]
) -> tuple[Verdict, str]:
    """A chart is drawn again of the named result as it is now; the specification is the one that was given."""
    name = str(step["arguments"].get("result", "")).strip().lower()
    if name not in results:
        return "cannot", f"It draws {name or 'a result'}, which is not there: of another question, or not the same."
    limits = Limits.from_json(capsule.record["limits"])
    outcome = await fresh.run(SqlRequest(charts.rows_of(name), (), True, limits))
    if outcome.table is None:
        return "different", f"Now {name} cannot be read."
    try:
        drawn = charts.drawn(step["arguments"].get("spec"), outcome.table)
    except charts.Refused as refused:
        return "different", f"Now it cannot be drawn: {charts.fault_of(refused).hint}"
    # The picture beside it is drawn of the same specification.
    kept = [name for name in step.get("figures", ()) if not name.endswith(".png")]
    return _figures(capsule, {**step, "figures": kept}, (drawn,))


def _request(capsule: Capsule, step: Mapping[str, Any], tables: tuple[str, ...]) -> SqlRequest | PythonRequest:
    limits = Limits.from_json(capsule.record["limits"])
    keep = step.get("name") or ""
    if step["language"] == "sql":
        return SqlRequest(step["code"], tables, True, limits, keep)
    return PythonRequest(step["code"], tables, limits, keep)


def _compared(capsule: Capsule, step: Mapping[str, Any], outcome: Outcome) -> tuple[Verdict, str]:
    if outcome.status != step["status"]:
        said = "" if outcome.fault is None else f" {outcome.fault.message}"
        return "different", f"Then its status was {step['status']}, now it is {outcome.status}.{said}"
    if outcome.fault is not None:
        then = (step.get("fault") or {}).get("code", "")
        same = outcome.fault.code == then
        return ("same", f"The same error ({then}).") if same else (
            "different", f"Then the error was {then}, now it is {outcome.fault.code}."
        )  # fmt: skip
    if outcome.stdout != step.get("stdout", ""):
        return "different", "It printed something else."
    return _worst(_table(capsule, step, outcome), _figures(capsule, step, outcome.artefacts))


def _table(capsule: Capsule, step: Mapping[str, Any], outcome: Outcome) -> tuple[Verdict, str]:
    if not step.get("result"):
        return ("same", "") if outcome.table is None else ("different", "Now it gives a table.")
    if outcome.table is None:
        return "different", "Now it gives no table."
    return comparing.tables(capsule.table(step["result"]), outcome.table)


def _figures(capsule: Capsule, step: Mapping[str, Any], drawn: Sequence[Artefact]) -> tuple[Verdict, str]:
    return comparing.figures([capsule.file(name) for name in step.get("figures", ())], drawn)


def _worst(*found: tuple[Verdict, str]) -> tuple[Verdict, str]:
    for worst in ("different", "cannot"):
        for verdict, why in found:
            if verdict == worst:
                return verdict, why
    return "same", " ".join(why for _, why in found if why)


def _changes(record: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Sentences on where this sandbox is not the one of the run."""
    then = record.get("facts", {})
    labels = (("image", "image"), ("protocol", "protocol"), ("provider", "provider"))
    return [
        f"Then the sandbox's {label} was {then[key]}, now it is {facts[key]}."
        for key, label in labels
        if key in then and key in facts and then[key] != facts[key]
    ]
