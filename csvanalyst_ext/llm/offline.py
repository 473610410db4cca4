"""The model that needs no key and no network: the offline planner.

Runs on the host.  A deterministic, stateless function from (messages, tools) to the next message: it sees what any
model sees, calls the tools that any model calls, and asks when it does not understand.  What a question means is
decided in ``planning``; this module decides which call comes next.  The gateway asks it directly, so that a question
without a model waits for no import of LiteLLM; ``offline_provider`` puts it behind LiteLLM's seam.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..planning import describe
from ..planning.compile import compile_plan
from ..planning.drawing import asks_for_chart, specification
from ..planning.followups import follow_up, leans, points_back
from ..planning.lookup import MAX_FOUND, MAX_TEXTS
from ..planning.plan import Filter, Plan, simple
from ..planning.quoting import identifier
from ..planning.schema import Table, table_of
from ..planning.understand import NotUnderstood, Understood, understand
from ..planning.words import key
from .chat import NOTE, Completion, Delta, TextDelta, ToolCall
from .datablock import parse

MAX_TABLES: Final = 16
_CANNOT_ASK: Final = "The question was not answered."


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to make."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """The planner's next message: text, or calls."""

    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A call that was made in this turn of the conversation, and what came back."""

    call: Call
    head: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return self.head.get("status") == "ok"


def next_turn(messages: Sequence[Mapping[str, Any]], tools: Sequence[str]) -> Turn:
    """What comes after ``messages``.  ``tools`` are the names of the tools that may be called."""
    asked, replies = _since_question(messages)
    chart = asks_for_chart(asked[-1])
    if chart is not None:
        asked = [*asked[:-1], chart[0]] if chart[0] else asked[:-1] or asked
    question = asked[-1]
    listed = _find(replies, "list_datasets")
    if listed is None:
        return _call(tools, Call("list_datasets", {}))
    names = [str(entry["name"]) for entry in listed.data.get("tables", ())]
    chosen = _relevant(question, listed) if len(names) > MAX_TABLES else names
    described = {r.call.arguments.get("name"): r for r in replies if r.call.name == "describe_dataset" and r.ok}
    missing = [name for name in chosen if name not in described]
    if missing and not any(r.call.name == "describe_dataset" for r in replies):
        return _call(tools, *(Call("describe_dataset", {"name": name}) for name in missing))
    tables = [
        table_of(str(n), r.head, r.data["columns"], r.data) for n, r in described.items() if r.data.get("columns")
    ]
    return _decide(asked, tables, replies, tools, None if chart is None else chart[1])


def _decide(
    questions: Sequence[str], tables: Sequence[Table], replies: Sequence[Reply], tools: Sequence[str], chart: str | None
) -> Turn:
    looked = [reply for reply in replies if reply.call.name == "find_values"]
    tables = _with_found(tables, looked)
    meaning = understand(questions[-1], tables)
    read_as = ""
    if isinstance(meaning, NotUnderstood) or (len(questions) > 1 and leans(questions[-1])):
        if (followed := follow_up(questions, tables)) is not None:
            meaning, read_as = followed
        elif len(questions) > 1 and points_back(questions[-1]):
            question = "I do not understand what this is asked of. Ask it as a whole question."
            meaning = NotUnderstood("unknown_form", question, texts=meaning.texts)
    asked = {key(str(text)) for reply in looked for text in reply.call.arguments.get("texts", ())}
    texts = [text for text in dict.fromkeys(map(key, meaning.texts)) if text not in asked][:MAX_TEXTS]
    here = list(meaning.tables) if isinstance(meaning, Understood) else tables
    incomplete = [table.name for table in here if table.incomplete()]
    if texts and incomplete and len(looked) < 2 and "find_values" in tools:
        return _call(tools, Call("find_values", {"texts": texts, "tables": incomplete}))
    if isinstance(meaning, NotUnderstood):
        return _ask(tools, meaning.question, meaning.choices)
    if any(reply.head.get("truncated") for reply in looked):
        return _ask(tools, "A name in the question stands for too many things in the data. Say which column you mean.")
    turn = _run(meaning, replies, tools)
    if meaning.note and turn.text:
        turn = replace(turn, text=f"{turn.text} {meaning.note}")
    if chart is not None and turn.text:
        turn = _draw(meaning.plan, chart, turn, replies, tools)
    return replace(turn, text=f'Read as "{read_as}". {turn.text}') if read_as and turn.text else turn


def _run(meaning: Understood, replies: Sequence[Reply], tools: Sequence[str]) -> Turn:
    if meaning.one_row_each:
        probe = Call("run_sql", {"sql": _uniqueness(meaning.plan, meaning.one_row_each)})
        probed = _made(replies, probe)
        if probed is None:
            return _call(tools, probe)
        rows = probed.data.get("rows") or [[0, 1]]
        if not probed.ok or rows[0][0] != rows[0][1]:
            return _ask_function(meaning, tools)
    query = Call("run_sql", {"sql": compile_plan(meaning.plan)})
    result = _made(replies, query)
    if result is None:
        return _call(tools, query)
    if not result.ok:
        said = str(result.data.get("message", "The query failed."))
        if meaning.one_row_each:
            return _ask(tools, f"The query did not work: {said}")
        return Turn(f"The query did not work: {said}")
    columns = [str(column["name"]) for column in result.data.get("columns", ())]
    rows, count = result.data.get("rows", []), int(result.head.get("row_count", 0))
    if meaning.one_row and count > 1:
        value = meaning.plan.select[-1]
        choices = [
            f"{word} {value}{describe.where(meaning.plan)}" for word in ("average", "total", "highest", "lowest")
        ]
        question = f"There are {count:,} different values{describe.where(meaning.plan)}. What do you want of them?"
        return _ask(tools, question, (*choices, f"list the {value}{describe.where(meaning.plan)}"))
    if meaning.one_row and count == 1:
        return Turn(describe.looked_up(meaning.plan, columns, rows[0]))
    text = describe.answer(meaning.plan, columns, rows, count)
    return Turn(text + describe.left_out(meaning.plan, {table.name: table for table in meaning.tables}))


def _draw(plan: Plan, kind: str, turn: Turn, replies: Sequence[Reply], tools: Sequence[str]) -> Turn:
    """The answer with a chart of its result, where there is something to draw."""
    result = _made(replies, Call("run_sql", {"sql": compile_plan(plan)}))
    if result is None or not result.ok:
        return turn
    columns = [(str(column["name"]), str(column.get("type", ""))) for column in result.data.get("columns", ())]
    spec = specification(plan, columns, int(result.head.get("row_count", 0)), kind)
    if spec is None or "make_chart" not in tools or "result" not in result.head:
        return replace(turn, text=f"{turn.text} There is nothing to draw in this result.")
    call = Call("make_chart", {"result": str(result.head["result"]), "spec": spec})
    drawn = _made(replies, call)
    if drawn is None:
        return Turn(calls=(call,))
    return turn if drawn.ok else replace(turn, text=f"{turn.text} The chart could not be drawn.")


def _ask_function(meaning: Understood, tools: Sequence[str]) -> Turn:
    plan = meaning.plan
    filters = simple(plan.filters)
    value = plan.order.column if plan.order else (filters[0].column if filters else "")
    question = f"{meaning.one_row_each} has several rows with a {value}. Which of them counts?"
    return _ask(tools, question, [f"{word} {value}" for word in ("total", "average", "highest single")])


def _uniqueness(plan: Plan, column: str) -> str:
    """A query for the number of rows and of different values among the rows that the plan is about."""
    probe = compile_plan(Plan(plan.table, select=(column,), filters=(*plan.filters, Filter(column, "not null"))))
    name = identifier(column)
    return f"SELECT count(*) AS rows, count(DISTINCT {name}) AS different\nFROM (\n{probe}\n)"


def _ask(tools: Sequence[str], question: str, choices: Sequence[str] = ()) -> Turn:
    if "ask_user" not in tools:
        return Turn(f"{_CANNOT_ASK} {question}")
    return Turn(calls=(Call("ask_user", {"question": question, "choices": list(choices)}),))


def _call(tools: Sequence[str], *calls: Call) -> Turn:
    missing = sorted({call.name for call in calls} - set(tools))
    return Turn(f"{_CANNOT_ASK} The tool {missing[0]} is not there.") if missing else Turn(calls=calls)


# --- reading the conversation ---------------------------------------------------------------------


def _since_question(messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Reply]]:
    """What the person asked so far, the last question last, and the calls with their replies since then."""
    start, asked = 0, []
    for index, message in enumerate(messages):
        text = _text(message.get("content"))
        if message.get("role") == "user" and not text.startswith(NOTE):
            start = index
            asked.append(text)
    calls: dict[str, Call] = {}
    replies = []
    for message in messages[start:]:
        for call in message.get("tool_calls") or ():
            function = call["function"]
            calls[call["id"]] = Call(function["name"], json.loads(function["arguments"] or "{}"))
        if message.get("role") == "tool" and message.get("tool_call_id") in calls:
            try:
                head, data = parse(_text(message.get("content")))
            except ValueError:
                head, data = {"status": "error"}, {}
            replies.append(Reply(calls[str(message["tool_call_id"])], head, data))
    return asked or [""], replies


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _find(replies: Sequence[Reply], name: str) -> Reply | None:
    return next((reply for reply in replies if reply.call.name == name and reply.ok), None)


def _made(replies: Sequence[Reply], call: Call) -> Reply | None:
    return next((reply for reply in replies if reply.call == call), None)


def _relevant(question: str, listed: Reply) -> list[str]:
    """Of very many tables, those whose name or columns share most words with the question."""
    said = key(question)
    scored: list[tuple[int, int, str]] = []
    for entry in listed.data["tables"]:
        names = [entry["name"], *entry.get("columns", ())]
        scored.append((-sum(key(str(name)) in said for name in names), len(scored), str(entry["name"])))
    return [name for _, _, name in sorted(scored)[:MAX_TABLES]]


def _with_found(tables: Sequence[Table], looked: Sequence[Reply]) -> list[Table]:
    found: dict[str, dict[str, list[str]]] = {}
    for reply in looked:
        for match in reply.data.get("matches", ())[:MAX_FOUND]:
            found.setdefault(match["table"], {}).setdefault(match["column"], []).append(match["value"])
    return [table.with_values(found.get(table.name, {})) for table in tables]


# --- as a model ---------------------------------------------------------------------------------------


def reply(model: str, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Iterator[Delta]:
    """The reply to ``messages`` as a gateway gives it: text by lines, then the ``Completion``."""
    turn = next_turn(messages, [tool["function"]["name"] for tool in tools])
    for piece in turn.text.splitlines(keepends=True):
        yield TextDelta(piece)
    calls = tuple(ToolCall(identity, call.name, text) for identity, call, text in numbered(turn, messages))
    yield Completion(turn.text, calls, reason(turn), 0, 0, 0.0, model)


def numbered(turn: Turn, messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, Call, str]]:
    """Calls with identities that are the same whenever the conversation is the same, and their arguments as JSON."""
    place = len(messages)
    return [(f"call_{place}_{i}", c, json.dumps(c.arguments, ensure_ascii=False)) for i, c in enumerate(turn.calls)]


def reason(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"
