"""The pages that every door shows the same way: data sets, a profile, runs, one run, status, doctor.

Runs on the host; pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..rendering import text
from . import boundary
from .sheet import Block, Sheet, block, code, sheet
from .view import NOT_FOUND, TableView
from .view import head as table_head

if TYPE_CHECKING:
    from ..agent.limits import AgentLimits
    from ..capsules.store import Capsule, Summary
    from ..config import Settings
    from ..datasets.model import ColumnProfile, Dataset
    from ..datasets.policy import Policy
    from ..execution.docker_doctor import Finding
    from ..session.draft import Draft

_MOST_COLUMNS: Final = 60
_MOST_RUNS: Final = 30


def added(datasets: Sequence[Dataset], seconds: float, useless: Sequence[str] = ()) -> Sheet:
    """What was registered: for one data set its columns, for several a line each.  ``useless`` are remarks on their
    dictionaries."""
    if len(datasets) == 1:
        only = datasets[0]
        title = f"{only.name}: {_extent(only)} · {text.seconds(seconds)}"
        return sheet(title, _columns(only.columns), notes=(*only.notes, *useless))
    notes = [f"{dataset.name}: {note}" for dataset in datasets for note in dataset.notes]
    title = f"{text.count(len(datasets), 'data set')} · {text.seconds(seconds)}"
    return sheet(title, _overview(datasets), notes=(*notes, *useless))


def registered(datasets: Sequence[Dataset], policies: Mapping[str, Policy]) -> Sheet:
    if not datasets:
        return sheet("No data set is registered.", notes=("`%analyst add PATH` registers one.",))
    rows = [
        (d.name, d.rows, len(d.columns), text.size(d.bytes), str(policies.get(d.name, "")), len(d.notes), d.source)
        for d in datasets
    ]
    headers = ("data set", "rows", "columns", "size", "policy", "notes", "source")
    more = ("`%analyst profile NAME` shows the notes: how it was read, and what was read as NULL.",)
    noted = any(dataset.notes for dataset in datasets)
    return sheet(text.count(len(datasets), "data set"), block(headers, rows), notes=more if noted else ())


def profile(dataset: Dataset) -> Sheet:
    facts: list[tuple[str, object]] = [
        ("source", dataset.source),
        ("format", dataset.format),
        ("size", text.size(dataset.bytes)),
        ("SHA-256", dataset.fingerprint),
        *((key, value) for key, value in dataset.dialect.items()),
    ]
    columns = dataset.columns[:_MOST_COLUMNS]
    rows = [(c.name, c.type, c.nulls, c.distinct, c.minimum, c.maximum, _examples(c)) for c in columns]
    headers = ("column", "type", "NULLs", "distinct", "smallest", "largest", "values")
    return sheet(
        f"{dataset.name}: {_extent(dataset)}",
        block(headers, rows, note=_more(len(dataset.columns))),
        block(("fact", "value"), facts),
        notes=dataset.notes,
    )


def draft(drafted: Draft) -> Sheet:
    """What a dry run shows: the first request as it would be sent, or the code as it would run."""
    data = ", ".join(drafted.datasets) or "none"
    if drafted.code:
        language = {"sql": "SQL", "python": "Python", "plan": "SQL of the plan"}.get(drafted.mode, drafted.mode)
        shown = code(drafted.code, title=f"{language} that would run")
        return sheet(
            "Dry run: nothing ran, and nothing would be sent to a model.", shown, notes=(f"data sets: {data}",)
        )
    limits = drafted.limits
    cost = "not known" if drafted.price is None else f"${drafted.price:.4f}"
    rows: list[tuple[str, object]] = [("model", drafted.model)]
    rows += [("address", drafted.address)] if drafted.address else []
    rows += [
        ("data sets it may ask for", data),
        ("first request", f"about {drafted.tokens:,} tokens"),
        ("its price", cost),
    ]
    if limits is not None:
        rows.append(("limits", _limits(limits)))
    said = [code(_message(message), title=str(message["role"])) for message in drafted.messages]
    tools = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in drafted.tools)
    return sheet(
        "Dry run: nothing was sent, and nothing ran.",
        block(("fact", "value"), rows),
        *said,
        code(tools, title="tools"),
    )


def _message(message: Mapping[str, Any]) -> str:
    calls = [json.dumps(call["function"], ensure_ascii=False) for call in message.get("tool_calls") or ()]
    return "\n".join([str(message.get("content") or ""), *calls]).strip()


def runs(summaries: Sequence[Summary]) -> Sheet:
    if not summaries:
        return sheet("No question has been asked yet.")
    rows = [
        (s.id, s.status, s.mode, " ".join(s.question.split())[:80], s.rows, text.seconds(s.seconds))
        for s in summaries[:_MOST_RUNS]
    ]
    more = f"the newest {_MOST_RUNS} of {len(summaries):,}" if len(summaries) > _MOST_RUNS else ""
    return sheet("", block(("run", "status", "mode", "question", "rows", "time"), rows, note=more))


def run(capsule: Capsule) -> Sheet:
    """One run as its capsule tells it, with the head of its result."""
    record = capsule.record
    error = record.get("error")
    facts = [
        ("status", record["status"] if not error else f"{record['status']} ({error['code']})"),
        ("asked", record["started"]),
        ("mode", record["mode"]),
        ("model", record["model"]),
        ("took", text.seconds(record["timings"].get("total", 0.0))),
        *boundary.sent(record),
        ("image", record["facts"].get("image", "")),
        ("data", ", ".join(f"{name} {digest[:12]}" for name, digest in record["datasets"].items())),
        ("kept in", str(capsule.path)),
    ]
    blocks = [code(record["question"], title="Question"), block(("fact", "value"), [f for f in facts if f[1]])]
    if record["prose"]:
        blocks.append(code(text.message(record["prose"], 20_000), title="Answer"))
    for number, step in enumerate(record["steps"], 1):
        title = f"{number}. {step['tool']} · {step['status']} · {text.seconds(step['seconds'])}"
        blocks.append(code(step["code"], title=title) if step["code"] else block(title=title))
        if step["fault"]:
            blocks.append(code(text.message(f"{step['fault']['message']} {step['fault']['hint']}".strip())))
    if record["result"]:
        blocks.append(Block("Result", _result(capsule)))
    notes = list(record["notes"])
    missing = [mark["text"] for mark in record.get("numbers", ()) if mark["status"] == "not found"]
    if missing:
        notes.append(f"{NOT_FOUND} not found in the results: {', '.join(dict.fromkeys(missing))}")
    if error:
        notes.append(f"{error['message']} {error['hint']}".strip())
    return sheet(f"Run {capsule.id}", *blocks, notes=notes)


def status(
    settings: Settings,
    facts: Mapping[str, Any],
    datasets: Sequence[Dataset],
    model: str,
    sent: Sequence[tuple[str, object]] = (),
) -> Sheet:
    """What is in force, and what runs.  ``facts`` are the executor's; without an image nothing runs yet.
    ``sent`` are facts of what left this machine for the last question."""
    started = "image" in facts
    rows: list[tuple[str, object]] = [
        ("model", model),
        ("sandbox", f"{settings.provider}, {'started' if started else 'not started yet'}"),
        *((str(key), _fact(value)) for key, value in facts.items() if key != "provider"),
        ("Python", "on" if settings.python_enabled else "switched off (ENABLE_PYTHON_EXECUTION)"),
        ("memory limit", text.size(settings.memory)),
        ("time limit", text.seconds(settings.timeout)),
        ("row limit", f"{settings.max_rows:,}"),
        ("limits of the model", _limits(settings)),
        ("data sets", ", ".join(dataset.name for dataset in datasets) or "none"),
        ("data policy", settings.default_policy),
        *sent,
        ("kept in", str(settings.home)),
    ]
    return sheet("", block(("fact", "value"), rows))


def _limits(limits: Settings | AgentLimits) -> str:
    cost = "any cost" if limits.max_cost is None else f"${limits.max_cost:g}"
    counts = f"{limits.max_steps} steps, {limits.max_tool_calls} tool calls, {limits.max_tokens:,} tokens"
    return f"{counts}, {cost}, {text.seconds(limits.max_seconds)} for one question"


_MARKS: Final = {"ok": "ok", "note": "note", "warn": "WARN", "bad": "BAD"}


def doctor(findings: Sequence[Finding]) -> Sheet:
    """All findings, and below them what to do about those that are not fine."""
    rows = [(_MARKS[f.level], f.area, f.name, f.value) for f in findings]
    worst = sum(f.level == "bad" for f in findings)
    title = "Ready." if not worst else f"Not ready: {text.count(worst, 'problem')}."
    advice = [f"{f.name}: {f.advice}" for f in findings if f.advice]
    return sheet(title, block(("", "area", "what", "found"), rows), notes=advice)


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _result(capsule: Capsule) -> TableView:
    table = capsule.table(capsule.record["result"])
    giving = [step for step in capsule.record["steps"] if step.get("result") == capsule.record["result"]]
    types = giving[0]["columns"] if giving else []
    return table_head(table, [str(column["type"]) for column in types])


def _extent(dataset: Dataset) -> str:
    return f"{text.count(dataset.rows, 'row')} × {text.count(len(dataset.columns), 'column')}"


def _overview(datasets: Sequence[Dataset]) -> Block:
    rows = [(d.name, d.rows, len(d.columns), text.size(d.bytes), d.source) for d in datasets]
    return block(("data set", "rows", "columns", "size", "source"), rows)


def _columns(columns: Sequence[ColumnProfile]) -> Block:
    rows = [(c.name, c.type, c.nulls, _range(c)) for c in columns[:_MOST_COLUMNS]]
    return block(("column", "type", "NULLs", "range or values"), rows, note=_more(len(columns)))


def _more(columns: int) -> str:
    return f"{columns - _MOST_COLUMNS:,} more columns" if columns > _MOST_COLUMNS else ""


def _range(column: ColumnProfile) -> str:
    examples = _examples(column)
    if examples or column.minimum is None:
        return examples
    return f"{column.minimum} … {column.maximum}"


def _examples(column: ColumnProfile) -> str:
    few = column.values[:4]
    rest = "" if column.all_values and len(column.values) == len(few) else ", …"
    return ", ".join(few) + rest if few else ""
