"""Pages of the data boundary and of replays: policies, a preview, what was sent, a run once more.

Runs on the host; pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ..datasets.policy import SMALLEST_GROUP
from ..rendering import text
from .sheet import Block, Sheet, block, code, sheet

if TYPE_CHECKING:
    from ..datasets.model import Dataset
    from ..datasets.policy import Policy
    from ..llm.preview import Preview
    from ..session.replay import Replay
    from ..session.run import Run

TOLD: Final[Mapping[str, str]] = {
    "schema": "names of tables and columns, types",
    "aggregates": f"also row counts, ranges of numbers and dates, groups of at least {SMALLEST_GROUP} rows",
    "sample": "also that many rows in all",
    "full": "everything that a query gives, its first rows",
}


def policies(datasets: Sequence[Dataset], chosen: Mapping[str, Policy], model: str, leaves: bool) -> Sheet:
    """Under which policy each data set is, and what that lets pass."""
    if not datasets:
        return sheet("No data set is registered.", notes=("`%analyst add PATH` registers one.",))
    rows = [(d.name, str(chosen[d.name]), TOLD[chosen[d.name].name]) for d in datasets]
    where = "What it is told leaves this machine." if leaves else "It runs here: nothing leaves this machine."
    note = "`%analyst policy NAME schema|aggregates|sample:N|full` changes it."
    return sheet(
        "", block(("data set", "policy", "a model may be told"), rows), notes=(f"Model: {model}. {where}", note)
    )


def preview(found: Preview) -> Sheet:
    """The first request, as it would be sent."""
    rows = [(name, found.policies[name], found.datasets.get(name, 0)) for name in found.policies]
    if not found.leaves:
        title = f"{found.model} runs on this machine: nothing would leave it."
    else:
        title = f"{found.bytes:,} bytes would be sent to {found.model}."
    notes = ["Text of several data sets counts for each of them."] if rows else []
    if found.leaves:
        notes.append("Later requests add what the tools find, under each data set's policy.")
    if found.leaves and not found.exact:
        notes.append("This is what LiteLLM is given; the provider's own form of it differs.")
    blocks: list[Block] = [block(("data set", "policy", "bytes of its text"), rows)] if rows else []
    blocks += [code(found.body, title="Request"), code(", ".join(found.tools), title="Tools")]
    return sheet(title, *blocks, notes=notes)


def sent(record: Mapping[str, Any]) -> list[tuple[str, object]]:
    """What a capsule says of the boundary, as facts; none of a question that asked no model."""
    found, chosen = record.get("sent"), record.get("policies", {})
    if not found or not record.get("model"):
        return []
    if not found["requests"]:
        return [("sent", "nothing: the model runs on this machine")]
    parts = [f"{name} {found['datasets'].get(name, 0):,} bytes ({policy})" for name, policy in chosen.items()]
    total = f"{found['bytes']:,} bytes in {text.count(found['requests'], 'request')}"
    return [("sent", total), ("sent of data", ", ".join(parts))]


def sent_of(last: Run) -> list[tuple[str, object]]:
    """The same of the last question."""
    record = {"model": last.model, "policies": last.policies, "sent": asdict(last.sent)}
    return [(f"last {name}", fact) for name, fact in sent(record)]


def replay(done: Replay) -> Sheet:
    """What came of each step, and of the run."""
    rows = [(step.number, step.tool, step.verdict, step.why) for step in done.steps]
    titles = {
        "same": f"Run {done.id}: the same results.",
        "different": f"Run {done.id}: results differ.",
        "cannot": f"Run {done.id} cannot be replayed in full.",
    }
    notes = done.notes if done.steps else (*done.notes, "No step of it ran SQL or Python.")
    return sheet(titles[done.verdict], block(("step", "tool", "result", "why"), rows) if rows else Block(), notes=notes)
