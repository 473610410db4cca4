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
from typing import TYPE_CHECKING, Any, Final, Literal

from ..agent.events import ToolEnded, ToolStarted
from ..capsules.store import Capsule
from ..datasets.sources import FileSource, Source, resolve
from ..errors import AnalystError, DataError
from ..execution.base import Outcome
from ..protocol import Limits, PythonRequest, SqlRequest
from .shelf import Emit

if TYPE_CHECKING:
    import pyarrow as pa

    from .session import AnalystSession

Verdict = Literal["same", "different", "cannot"]
_RESULT: Final = re.compile(r"\br[1-9][0-9]*\b", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+")
_CLOSE: Final = 1e-9
_MOST_COMPARED: Final = 200_000


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
        if not step["language"] or not step["code"]:
            continue
        call = f"replay-{number}"
        emit(ToolStarted(call, step["tool"], {}))
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
    if len(outcome.artefacts) != len(step.get("figures", ())):
        return "different", f"It drew {len(outcome.artefacts)} figures instead of {len(step.get('figures', ()))}."
    if not step.get("result"):
        return ("same", "") if outcome.table is None else ("different", "Now it gives a table.")
    if outcome.table is None:
        return "different", "Now it gives no table."
    return _compared_tables(capsule.table(step["result"]), outcome.table)


def _compared_tables(then: pa.Table, now: pa.Table) -> tuple[Verdict, str]:
    if then.schema.names != now.schema.names or then.schema.types != now.schema.types:
        return "different", "Its columns are others."
    if then.num_rows != now.num_rows:
        return "different", f"Then it had {then.num_rows:,} rows, now {now.num_rows:,}."
    if then.equals(now):
        return "same", ""
    if then.num_rows * max(then.num_columns, 1) > _MOST_COMPARED:
        return "different", "Its values or their order are others; it is too large to compare further."
    before, after = ([tuple(row.values()) for row in table.to_pylist()] for table in (then, now))
    if _alike(before, after):
        return "same", "Up to the last digits of its numbers."
    if _alike(sorted(before, key=_order), sorted(after, key=_order)):
        return "same", "The same rows in another order."
    rows = [number for number, (one, other) in enumerate(zip(before, after, strict=True), 1) if not _equal(one, other)]
    return "different", f"{len(rows):,} of {then.num_rows:,} rows differ, the first is row {rows[0]:,}."


def _order(row: tuple[Any, ...]) -> list[str]:
    """A key under which rows that only differ in last digits stand side by side."""
    return [f"{value:.8e}" if isinstance(value, float) else repr(value) for value in row]


def _alike(before: Sequence[Any], after: Sequence[Any]) -> bool:
    return all(_equal(one, other) for one, other in zip(before, after, strict=True))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_nan = one != one and other != other
        return both_nan or one == other or abs(one - other) <= _CLOSE * max(abs(one), abs(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and _alike(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _changes(record: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Sentences on where this sandbox is not the one of the run."""
    then = record.get("facts", {})
    labels = (("image", "image"), ("protocol", "protocol"), ("provider", "provider"))
    return [
        f"Then the sandbox's {label} was {then[key]}, now it is {facts[key]}."
        for key, label in labels
        if key in then and key in facts and then[key] != facts[key]
    ]
