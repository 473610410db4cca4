"""The tools that a model may call.  Runs on the host; the data work itself is the workbench's.

Each tool is made by a factory around a plain async function, which tests call without a model.
A tool never raises for what a model did wrong: it returns a ``ToolResult`` that says so.  Only a
``SandboxError`` (there is no place to run anything) and a cancellation pass through.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from ..errors import PlanError
from ..execution.base import Artefact, Outcome
from ..llm.datablock import compose
from ..llm.provenance import Own
from ..planning import lookup
from ..planning.words import key
from ..protocol import MAX_CODE_BYTES, Fault
from . import charts, names, pictures, remarks, replies
from .plan_tool import fault_of, prepare

if TYPE_CHECKING:
    from ..datasets.model import Dataset, ResultTable
    from ..execution.base import ProgressSink


class Workbench(Protocol):
    """What a session lends to the agent for one question."""

    @property
    def python_enabled(self) -> bool: ...

    def datasets(self) -> Sequence[Dataset]:
        """The data sets that this question may use."""

    def results(self) -> Sequence[ResultTable]:
        """The named results that can be read like tables, the newest last."""

    async def sql(self, text: str, *, keep: bool = True, progress: ProgressSink | None = None) -> Outcome:
        """Raises ``SandboxError``; a query that fails is an outcome that is not ok.  ``keep`` names its result."""

    async def python(self, code: str, *, progress: ProgressSink | None = None) -> Outcome:
        """The same for Python, whose result always has a name."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """``reply`` is the text for the model: an ``llm.provenance.Reply``, or ``Own`` words.  Nothing leaves
    this machine of any other text, unless all data may in full.  ``fault`` is set exactly when
    ``status`` is not ``ok`` or ``clarify``.  ``summary`` is one line for people, ``notes`` are remarks for
    them that stay with the answer.  ``code`` is what ran, where that is not what
    the model wrote.  ``question`` and ``choices`` come from ``ask_user``."""

    status: str
    reply: str
    summary: str = ""
    fault: Fault | None = None
    outcome: Outcome | None = None
    question: str = ""
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    code: str = ""


Run = Callable[[Mapping[str, Any], "ProgressSink | None"], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """``parameters`` is a JSON Schema object.  ``code`` names the argument that is code."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Run
    language: Literal["sql", "python", ""] = ""
    code: str = ""

    def declaration(self) -> dict[str, Any]:
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one question, by name, and the system prompt that goes with them."""

    tools: Mapping[str, Tool]
    system: str

    def declarations(self) -> tuple[dict[str, Any], ...]:
        return tuple(tool.declaration() for tool in self.tools.values())


def toolbox(workbench: Workbench, *, may_ask: bool = True) -> Toolbox:
    """All tools over ``workbench``; without ``run_python`` where Python is switched off.  Without ``may_ask``
    nobody is there whom ``ask_user`` could ask."""
    tools = [list_datasets(workbench), describe_dataset(workbench), find_values(workbench)]
    tools += [run_plan(workbench), run_sql(workbench)]
    if workbench.python_enabled:
        tools.append(run_python(workbench))
    tools.append(make_chart(workbench))
    tools.append(ask_user(may_ask=may_ask))
    system = prompt("system").replace("{python_also}", " and Python" if workbench.python_enabled else "")
    return Toolbox({tool.name: tool for tool in tools}, system)


def prompt(name: str) -> str:
    """The packaged prompt ``name``."""
    return (resources.files(__package__) / "prompts" / f"{name}.md").read_text("utf-8").strip()


def fault_result(status: str, fault: Fault, *, names_of_cells: bool = False) -> ToolResult:
    reply = replies.of_fault(status, fault, names_of_cells=names_of_cells)
    return ToolResult(status, reply, f"{status}: {fault.message}", fault)


# --- the tools ----------------------------------------------------------------------------------


def list_datasets(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        found = workbench.datasets()
        reply = replies.of_datasets(found, workbench.results())
        return ToolResult("ok", reply, f"{len(found)} table{'s' * (len(found) != 1)}")

    return Tool("list_datasets", prompt("list_datasets"), _schema({}), run)


def describe_dataset(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        name, columns = arguments["name"], arguments.get("columns") or []
        found = workbench.datasets()
        dataset = next((d for d in found if d.name == name), None) or _only(
            [d for d in found if d.name.casefold() == name.casefold()]
        )
        if dataset is None:
            result = next((r for r in workbench.results() if r.name == name.casefold()), None)
            if result is not None:
                summary = f"{result.name}: {result.rows:,} rows, {len(result.columns)} columns"
                return ToolResult("ok", replies.of_result(result), summary)
            return fault_result("error", _unknown("table", "unknown_table", name, [d.name for d in found]))
        known = [column.name for column in dataset.columns]
        own = names.own_names(found)
        columns = [own.get(column, column) for column in columns]
        for column in columns:
            if column not in known:
                return fault_result("error", _unknown("column", "unknown_column", column, known))
        summary = f"{dataset.name}: {dataset.rows:,} rows, {len(known)} columns"
        return ToolResult("ok", replies.of_dataset(dataset, columns, own), summary)

    parameters = {
        "name": {"type": "string", "description": "The table's name, or a named result (r1 …)."},
        "columns": {"type": "array", "items": {"type": "string"}, "description": "Only these columns."},
    }
    return Tool("describe_dataset", prompt("describe_dataset"), _schema(parameters, "name"), run)


def find_values(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        chosen = arguments.get("tables") or [dataset.name for dataset in workbench.datasets()]
        texts = [text for text in arguments["texts"] if key(text)][: lookup.MAX_TEXTS]
        places = [
            (dataset.name, column.name)
            for dataset in workbench.datasets()
            if dataset.name in chosen
            for column in dataset.columns
            if column.type == "VARCHAR"
        ]
        if not places or not texts:
            return ToolResult("ok", replies.of_found((), False, chosen), "nothing to search")
        outcome = await workbench.sql(lookup.lookup_sql(places, texts), keep=False, progress=progress)
        if outcome.fault is not None or outcome.table is None:
            return _of_outcome(outcome)
        matches = outcome.table.slice(0, lookup.MAX_FOUND).to_pylist()
        more = outcome.table.num_rows > lookup.MAX_FOUND
        found = [{name: str(value) for name, value in match.items()} for match in matches]
        return ToolResult(
            "ok", replies.of_found(found, more, chosen), f"{len(found)} place{'s' * (len(found) != 1)} found"
        )

    texts = {"type": "array", "items": {"type": "string"}}
    parameters = {
        "texts": {**texts, "description": "What to look for: whole values, not parts of them."},
        "tables": {**texts, "description": "Only in these tables."},
    }
    return Tool("find_values", prompt("find_values"), _schema(parameters, "texts"), run)


def run_plan(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        # A result whose columns are named after cells is there only for a plan that names it: what is said
        # of that plan's mistakes may hold them.
        words = set(_WORD.findall(json.dumps(arguments["plan"], ensure_ascii=False).casefold()))
        results = [one for one in workbench.results() if one.name in words or not one.names_of_cells]
        try:
            prepared = prepare(arguments["plan"], workbench.datasets(), results)
        except PlanError as error:
            of_cells = any(one.names_of_cells for one in results)
            return fault_result("error", fault_of(error), names_of_cells=of_cells)
        outcome = await workbench.sql(prepared.sql, progress=progress)
        found = await remarks.of_query(workbench, prepared.sql, outcome)
        return replace(_of_outcome(outcome, found, plan_sql=prepared.sql), code=prepared.sql)

    parameters = {"plan": {"type": "object", "description": "The query plan."}}
    return Tool("run_plan", prompt("run_plan"), _schema(parameters, "plan"), run, "sql")


def run_sql(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        said = arguments["sql"]
        text = names.put_back(said, names.own_names(workbench.datasets()))
        if too_long := _too_long("SQL", text):
            return too_long
        outcome = await workbench.sql(text, progress=progress)
        if outcome.status == "error" and text != said:
            # It may be an earlier result's own name that looks like a column's simple one.
            again = await workbench.sql(said, progress=progress)
            outcome, text = (again, said) if again.fault is None else (outcome, text)
        found = await remarks.of_query(workbench, text, outcome)
        return replace(_of_outcome(outcome, found), code=text)

    parameters = {"sql": {"type": "string", "description": "One DuckDB SQL statement."}}
    return Tool("run_sql", prompt("run_sql"), _schema(parameters, "sql"), run, "sql", "sql")


def run_python(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        code = arguments["code"]
        return _too_long("Python", code) or _of_outcome(await workbench.python(code, progress=progress))

    parameters = {"code": {"type": "string", "description": "Python code."}}
    return Tool("run_python", prompt("run_python"), _schema(parameters, "code"), run, "python", "code")


def make_chart(workbench: Workbench) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        name = arguments["result"].strip()
        if not _RESULT.fullmatch(name):
            message = f"{replies.clean(name, 60)!r} is not the name of a result."
            hint = 'Run a query first; its reply names the result ("result":"r1").'
            return fault_result("error", Fault("unknown_result", message, hint))
        found = await workbench.sql(charts.rows_of(name), keep=False, progress=progress)
        if found.fault is not None or found.table is None:
            return replace(_of_outcome(found), outcome=None)
        try:
            chart = charts.drawn(arguments["spec"], found.table)
        except charts.Refused as refused:
            return fault_result("error", charts.fault_of(refused))
        made = json.loads(chart.data)
        picture = await _picture(workbench, made)
        reply = Own(compose({"status": "ok", "chart": "shown to the person"}))
        return ToolResult("ok", reply, charts.describe(made), outcome=Outcome("ok", artefacts=(chart, *picture)))

    parameters = {
        "result": {"type": "string", "description": "The name of a result, such as r1."},
        "spec": {"type": "object", "description": "The Vega-Lite specification, without data."},
    }
    return Tool("make_chart", prompt("make_chart"), _schema(parameters, "result", "spec"), run)


async def _picture(workbench: Workbench, chart: Mapping[str, Any]) -> tuple[Artefact, ...]:
    """The chart drawn in the sandbox, where it has a plain picture and Python may run; a picture that fails is none."""
    code = pictures.program(chart) if workbench.python_enabled else None
    drawn = () if code is None else (await workbench.python(code)).artefacts
    return tuple(replace(one, name="chart.png") for one in drawn[:1] if one.kind == pictures.KIND)


def ask_user(*, may_ask: bool = True) -> Tool:
    async def run(arguments: Mapping[str, Any], progress: ProgressSink | None) -> ToolResult:
        question = replies.clean_lines(arguments["question"], 2000).strip()
        choices = tuple(replies.clean(choice) for choice in arguments.get("choices") or ())[:12]
        if not may_ask:
            return _assumed(question, choices)
        reply = Own(compose({"status": "ok", "asked": True}))
        return ToolResult("clarify", reply, "asked the person", question=question, choices=choices)

    parameters = {
        "question": {"type": "string", "description": "What to ask."},
        "choices": {"type": "array", "items": {"type": "string"}, "description": "Answers to choose from."},
    }
    return Tool("ask_user", prompt("ask_user"), _schema(parameters, "question"), run)


def _assumed(question: str, choices: Sequence[str]) -> ToolResult:
    hint = "Nobody is there to answer. Take the most likely reading, and say in your answer which one you took."
    note = f"Not asked, since nobody was there: {question}" + (f" ({'; '.join(choices)})" if choices else "")
    reply = Own(compose({"status": "ok", "asked": False, "hint": hint}))
    return ToolResult("ok", reply, "nobody to ask", notes=(note,))


# --- arguments ----------------------------------------------------------------------------------

_RESULT: Final = re.compile(r"r[1-9]\d{0,5}")
_WORD: Final = re.compile(r"\w+")
_TYPES: Final[Mapping[str, type]] = {"string": str, "array": list, "object": dict}


def check(tool: Tool, arguments: Any) -> Fault | None:
    """What is wrong with ``arguments`` for ``tool``, or ``None``."""
    if not isinstance(arguments, dict):
        return _wrong(tool, f"The arguments of {tool.name} must be a JSON object.")
    properties = tool.parameters["properties"]
    for name in tool.parameters["required"]:
        if name not in arguments:
            return _wrong(tool, f"The call of {tool.name} lacks the argument {name!r}.")
    for name, value in arguments.items():
        schema = properties.get(name)
        if schema is None:
            return _wrong(tool, f"{tool.name} has no argument {replies.clean(name)!r}.")
        optional = value is None and name not in tool.parameters["required"]
        if not optional and not isinstance(value, _TYPES[schema["type"]]):
            return _wrong(tool, f"The argument {name!r} of {tool.name} must be of type {schema['type']}.")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            return _wrong(tool, f"The argument {name!r} of {tool.name} must be a list of strings.")
        if name in tool.parameters["required"] and isinstance(value, str) and not value.strip():
            return _wrong(tool, f"The argument {name!r} of {tool.name} is empty.")
    return None


def _wrong(tool: Tool, message: str) -> Fault:
    takes = ", ".join(f"{name} ({schema['type']})" for name, schema in tool.parameters["properties"].items())
    return Fault("tool_arguments", message, f"It takes: {takes or 'nothing'}.")


def _schema(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _of_outcome(outcome: Outcome, found: Sequence[remarks.Remark] = (), *, plan_sql: str = "") -> ToolResult:
    if outcome.fault is not None:
        summary = f"{outcome.status}: {outcome.fault.message}"
    elif outcome.table is not None:
        cut = " (cut)" if outcome.truncated else ""
        summary = f"{outcome.row_count:,} row{'s' * (outcome.row_count != 1)}{cut}"
    else:
        summary = "done"
    told = replies.of_outcome(outcome)
    reply = functools.reduce(replies.beside, found, replies.with_sql(told, plan_sql) if plan_sql else told)
    notes = tuple(remark.note for remark in found if remark.note)
    return ToolResult(outcome.status, reply, summary, outcome.fault, outcome, notes=notes)


def _too_long(label: str, text: str) -> ToolResult | None:
    if len(text.encode("utf-8", "surrogatepass")) <= MAX_CODE_BYTES:
        return None
    message = f"The {label} is longer than {MAX_CODE_BYTES // 1024} KiB."
    return fault_result("error", Fault("text_too_long", message, "Shorten it."))


def _unknown(what: str, code: str, name: str, known: Sequence[str]) -> Fault:
    close = difflib.get_close_matches(name.casefold(), [k.casefold() for k in known], 3, 0.6)
    names = [k for k in known if k.casefold() in close] or list(known[:20])
    listed = ", ".join(replies.clean(n, 80) for n in names)
    return Fault(code, f"There is no {what} {replies.clean(name, 80)!r}.", f"There is: {listed}." if known else "")


def _only(found: Sequence[Dataset]) -> Dataset | None:
    return found[0] if len(found) == 1 else None
