"""What leaves for a model: a canary in every cell, column and file, every policy, every tool, every error.

Through a real session, real LiteLLM and real HTTP; the recorded bodies are searched.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import Tool, Toolbox, ToolResult, fault_result
from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.policy import NAMES, policy
from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.llm.boundary import Boundary
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import Call, ScriptedModel, Turn, call, calls, say
from csvanalyst_ext.protocol import Fault
from csvanalyst_ext.session.question import parse
from tests.support.local_engine import open_local

from .support import AT_ONCE, MODEL

CELL = re.compile(r"cellcanary-\d{3}")
SALARY = re.compile(r"73100\d\d")
DATE = re.compile(r"1999-\d\d-\d\d")
ROWS = 60

T = "canaryfile"

SQL = (
    f"SELECT * FROM {T}",
    f"SELECT * FROM {T} LIMIT 2 OFFSET 40",
    f"SELECT person, max(salary) AS m FROM {T} GROUP BY person",
    f"SELECT max(person), min(person) FROM {T}",
    f"SELECT string_agg(person, ';'), list(salary), arg_max(person, salary), any_value(person) FROM {T}",
    f"SELECT sum(salary) FROM {T} WHERE person LIKE '%-031'",
    f"SELECT sum(CASE WHEN person LIKE '%-031' THEN salary ELSE 0 END) FROM {T}",
    f"SELECT sum(salary) FILTER (WHERE person LIKE '%-031') FROM {T}",
    f"SELECT a.person, count(*) FROM {T} a JOIN {T} b ON true GROUP BY a.person",
    f"SELECT min(salary) FROM (SELECT max(salary) AS salary FROM {T} WHERE person LIKE '%-031')",
    f"SELECT person FROM {T} UNION ALL SELECT 'x'",
    f"WITH w AS (SELECT * FROM {T}) SELECT person, row_number() OVER () FROM w",
    f"SELECT city, count(*) AS n FROM {T} GROUP BY city ORDER BY n",
    f"PIVOT {T} ON person USING sum(salary)",
    f"SELECT nothing FROM (PIVOT {T} ON person USING sum(salary))",
    f"UNPIVOT {T} ON person INTO NAME n VALUE v",
    f"SUMMARIZE {T}",
    f"DESCRIBE {T}",
    "SHOW TABLES",
    f"EXPLAIN SELECT * FROM {T} WHERE person = (SELECT max(person) FROM {T})",
    f"EXPLAIN ANALYZE SELECT * FROM {T}",
    f"SELECT CAST(person AS INTEGER) FROM {T}",
    f"SELECT error(person) FROM {T}",
    f"SELECT CAST(salary AS TINYINT) FROM {T}",
    f"SELECT CAST(person AS DATE) FROM {T}",
    f"SELECT person::ENUM('a') FROM {T}",
    f"SELECT nocolumn FROM {T}",
    "SELECT * FROM notable",
    f"SELEC person FROM {T}",
    f"DELETE FROM {T}",
    "SELECT read_text('/etc/passwd')",
    f"SELECT sum(person) FROM {T}",
)
PYTHON = (
    f"{T}",
    f"print({T}.to_csv())",
    f"raise ValueError({T}.to_csv())",
    f"raise KeyError({T}['person'][31])",
    f"raise type({T}['person'][31].replace('-', '_'), (Exception,), {{}})('x')",
    f"{T}.set_index('person').T",
    f"dict(zip({T}['person'], {T}['salary']))",
    f"sql('SELECT error(person) FROM {T}')",
    f"import sys; sys.exit({T}['person'][31])",
    f"list({T}['person'])",
    f"{T}['person'][31]",
    f"from runner import gate\nraise gate.Refusal('sql_syntax', {T}['person'][31], {T}['person'][32])",
    f"raise SyntaxError({T}['person'][31])",
    "object()",
    f"import pyarrow as pa\npa.table({{'x': [{{{T}['person'][31]: 1}}]}})",
)
OTHERS = (
    call("list_datasets"),
    call("describe_dataset", name=T),
    call("describe_dataset", name=T, columns=["person"]),
    call("describe_dataset", name="wrong"),
    call("find_values", texts=["CELLCANARY 031", "rome"]),
    call("run_plan", plan={"from": T, "select": ["person", "salary"], "limit": 5}),
    call("run_plan", plan={"from": T, "where": [{"column": "person", "operator": "=", "value": "CELLCANARY 031"}]}),
    call("run_plan", plan={"from": T, "where": "person"}),
    call("run_plan", plan={"from": T, "group_by": ["city"], "measures": ["count"]}),
    call("run_sql", sql=f"SELECT salary FROM {T} WHERE person = 'CELLCANARY-031'"),
    call("run_sql", sql=f"SELECT city, person FROM {T} ORDER BY city LIMIT 3"),
    call("make_chart", result="r1", spec={"mark": "bar", "encoding": {"x": {"field": "wrong"}}}),
    call("make_chart", result="r1", spec={"mark": "bar", "encoding": {"x": {"field": "person"}}}),
    call("make_chart", result="r99", spec={"mark": "bar"}),
    call("no_such_tool", x=1),
    call("run_sql", raw="{"),
)
EVERYTHING: tuple[Turn, ...] = (
    *OTHERS,
    *(call("run_sql", sql=text) for text in SQL),
    *(call("run_python", code=text) for text in PYTHON),
)
MANY = Settings(max_steps=200, max_tool_calls=200, max_context=10_000_000)


def csv(directory: Path, name: str = f"{T}.csv", *, first: int = 0) -> Path:
    lines = ["person,colcanary,city,salary,day"]
    for n in range(first, first + ROWS):
        city = "rarecanary" if n == first + 31 else ("Rome", "Oslo")[n % 2]
        lines.append(
            f"cellcanary-{n:03},cellcanary-{n:03} bis,{city},{7310000 + n},1999-{1 + n % 12:02}-{1 + n % 28:02}"
        )
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text("\n".join(lines) + "\n")
    return path


class Talk:
    """A session whose model is a script; ``bodies`` is the text of all that was sent."""

    def __init__(self, home: Path, **changes: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.session: Any = open_local(replace(MANY, home=home, model=MODEL, model_access="loopback", **changes))
        self.session._gateway = None

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def add(self, path: Path, chosen: str | None = None) -> None:
        self.do(self.session.add(str(path), policy=policy(chosen) if chosen else None))

    def ask(self, turns: Any, question: str = "What is there?", **options: Any) -> str:
        with ScriptedModel(turns, then=say("Done.")) as server:
            configured = replace(self.session.settings, api_base=server.api_base)
            self.session._gateway = Gateway(configured, boundary=self.session.boundary, patience=AT_ONCE)
            self.run = self.do(self.session.ask(parse(question, **options)))
            self.bodies = [request.body for request in server.requests]
        return json.dumps(self.bodies, ensure_ascii=False)

    def close(self) -> None:
        self.do(self.session.close())
        self.loop.close()


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Callable[..., Talk]]:
    made: list[Talk] = []

    def start(**changes: Any) -> Talk:
        made.append(Talk(tmp_path / f"home{len(made)}", **changes))
        return made[-1]

    yield start
    for one in made:
        one.close()


def replies(talk: Talk) -> list[str]:
    return [m["content"] for m in talk.bodies[-1]["messages"] if m["role"] == "tool"]


# --- the canaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "form"),
    [
        ("schema", "native"),
        ("aggregates", "native"),
        ("sample:3", "native"),
        ("full", "native"),
        ("aggregates", "json"),
        ("schema", "json"),
    ],
)
def test_canaries_leave_only_where_the_policy_allows(
    talk: Callable[..., Talk], tmp_path: Path, chosen: str, form: str
) -> None:
    one = talk(tool_format=form)
    one.add(csv(tmp_path / "secretdirectory"), chosen)
    wanted = [turn.calls[0] for turn in EVERYTHING]
    if form == "native":
        turns = [calls(*wanted[start : start + 9]) for start in range(0, len(wanted), 9)]
    else:
        turns = [say(_as_text(each)) for each in wanted[::3] if each.arguments != "{"]
    sent = one.ask(turns)
    assert len(one.bodies) == len(turns) + 1, one.run.error
    assert "secretdirectory" not in sent, "a path never leaves"
    assert "colcanary" in sent and T in sent, "names of columns and tables may leave under every policy"
    cells, salaries, days = set(CELL.findall(sent)), set(SALARY.findall(sent)), set(DATE.findall(sent))
    if chosen == "full":
        assert len(cells) > 20 and len(salaries) > 20 and "rarecanary" in sent
        return
    assert "\\u202e" not in sent
    if chosen == "schema":
        assert (cells, salaries, days) == (set(), set(), set())
        assert "Rome" not in sent.replace("rome", "") and "rarecanary" not in sent
        assert f'"row_count":{ROWS}' not in sent.replace("\\", "")
    elif chosen == "aggregates":
        assert cells == set() and "rarecanary" not in sent
        assert salaries <= {"7310000", "7310059"}, "only the smallest and largest of all"
        assert days <= {"1999-01-01", "1999-12-24"}
        if form == "native":
            assert '"Rome",30' in sent.replace("\\", ""), "groups that are large enough may leave"
    else:
        assert 0 < len(cells) <= 3
        assert len(salaries - {"7310000", "7310059"}) <= 3


def _as_text(wanted: Call) -> str:
    return json.dumps({"tool": wanted.name, "arguments": json.loads(wanted.arguments)})


@pytest.mark.parametrize("chosen", NAMES)
def test_the_person_always_has_the_rows(talk: Callable[..., Talk], tmp_path: Path, chosen: str) -> None:
    one = talk()
    one.add(csv(tmp_path), chosen)
    one.ask([call("run_sql", sql=f"SELECT person FROM {T} ORDER BY person")])
    assert one.run.status == "ok"
    assert one.run.result.table.column("person")[31].as_py() == "cellcanary-031"


def test_a_model_that_may_not_see_the_rows_is_told_what_there_is(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path))
    one.ask([call("run_sql", sql=f"SELECT person, salary FROM {T}")])
    head, _, rest = replies(one)[0].partition("\n")
    said = json.loads(head)
    assert (said["status"], said["row_count"]) == ("ok", ROWS)
    assert "shown to the person, not to you" in said["withheld"]
    assert json.loads(rest.partition("<data>")[2].partition("</data>")[0]) == {
        "columns": [{"name": "person", "type": "VARCHAR"}, {"name": "salary", "type": "BIGINT"}]
    }


def test_a_join_is_under_the_strictest_policy(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "schema")
    one.add(csv(tmp_path, "open.csv", first=100), "full")
    sent = one.ask(
        [
            call("run_sql", sql="SELECT person FROM open LIMIT 1"),
            call("run_sql", sql=f"SELECT o.person FROM open o JOIN {T} t ON o.city = t.city LIMIT 3"),
            call("run_sql", sql=f"SELECT o.city, sum(t.salary) FROM open o JOIN {T} t ON o.city = t.city GROUP BY 1"),
            call("run_python", code="open"),
        ]
    )
    assert set(CELL.findall(sent)) == {"cellcanary-100"}


def test_rows_of_an_open_table_do_not_count_against_a_join(talk: Callable[..., Talk], tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("city,country\nRome,Italy\nOslo,Norway\n")
    query = f"SELECT p.country, count(*) AS n FROM {T} t JOIN places p USING (city) GROUP BY 1"
    one = talk()
    one.add(csv(tmp_path))
    one.add(tmp_path / "places.csv")
    assert "Norway" not in one.ask([call("run_sql", sql=query)])
    one.session.choose_policy("places", policy("full"))
    assert '\\"Norway\\",29' in one.ask([call("run_sql", sql=query)])


def test_an_earlier_result_is_rows_of_everything(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path))
    sent = one.ask([call("run_sql", sql=f"SELECT person FROM {T}"), call("run_sql", sql="SELECT count(*) FROM r1")])
    assert CELL.search(sent) is None


PIVOTED = f"PIVOT {T} ON person USING sum(salary)"
CELLS_AS_NAMES = (
    call("run_sql", sql=PIVOTED),
    call("run_plan", plan={"from": T, "group_by": ["city", "person"], "measures": ["count"], "pivot": "person"}),
    call("run_python", code=f"{T}.set_index('person')[['salary']].T"),
)
READING_THEM = (
    "SELECT * FROM r1",
    "FROM r1 LIMIT 1",
    "DESCRIBE r1",
    "SUMMARIZE r1",
    "SELECT nothing FROM r1",
    "SELECT r1.nothing FROM r1",
    "SELECT COLUMNS(c -> c > '') FROM r1",
    "SELECT * FROM (UNPIVOT r1 ON COLUMNS(*) INTO NAME n VALUE v)",
    "SELECT max(COLUMNS(*)) FROM r1",
    "SELECT * EXCLUDE (nothing) FROM r1",
    "SELECT r1 FROM r1",
    "SELECT r1 + 1 FROM r1",
    "SELECT CAST(r1 AS INTEGER) FROM r1",
    "SELECT row_to_json(r1) FROM r1",
    "WITH w AS (FROM r1) SELECT * FROM w",
    f"SELECT a.*, b.city FROM r1 a, {T} b",
    "EXPLAIN SELECT * FROM R1",
    "SELECT * FROM r1 GROUP BY ALL",
    "SELECT sum(nothing) FROM r1 GROUP BY ALL",
)


@pytest.mark.parametrize("made", CELLS_AS_NAMES, ids=["pivot", "plan", "python"])
@pytest.mark.parametrize("chosen", ["schema", "aggregates"])
def test_names_that_were_cells_do_not_leave_by_a_result_that_is_read_again(
    talk: Callable[..., Talk], tmp_path: Path, chosen: str, made: Turn
) -> None:
    one = talk()
    one.add(csv(tmp_path), chosen)
    later = [call("run_sql", sql=text) for text in READING_THEM]
    charts = [
        call("make_chart", result="r1", spec={"mark": "bar", "encoding": {"x": {"field": "wrong"}}}),
        call("make_chart", result="r1", spec={"mark": "bar", "encoding": {"x": {"field": "wrong"}, "y": 1}}),
        call("run_sql", sql="CREATE TABLE x AS FROM r1"),
        call("list_datasets"),
        call("describe_dataset", name="r1"),
        call("run_plan", plan={"from": "r1"}),
        call("run_plan", plan={"from": "R1", "select": ["wrong"]}),
        call("run_plan", plan={"from": "r 1", "select": ["wrong"]}),
        call("run_plan", plan={"from": "wrong"}),
        call("run_plan", plan={"from": T, "joins": [{"table": "r1"}], "measures": ["count"]}),
        call("run_plan", plan={"from": {"from": "r1", "select": ["cellcanary"]}}),
    ]
    again = [call("run_sql", sql="SELECT * FROM r2"), call("run_sql", sql="SELECT nothing FROM r2")]
    sent = one.ask([made, *later, *charts, *again])
    assert one.run.steps[0].status == "ok" and one.run.steps[1].status == "ok", "the names are there to be read"
    assert "cellcanary" in str(one.run.steps[1].outcome.columns)
    assert CELL.search(sent) is None


@pytest.mark.parametrize("chosen", NAMES)
def test_named_results_are_listed_as_far_as_the_policy_allows(
    talk: Callable[..., Talk], tmp_path: Path, chosen: str
) -> None:
    one = talk()
    one.add(csv(tmp_path), chosen)
    made = [f"SELECT city AS place, salary FROM {T}", f"SELECT city FROM {T} LIMIT 3", PIVOTED]
    one.ask([call("run_sql", sql=text) for text in made])
    one.ask([call("list_datasets")], "And now?")
    found = json.loads(replies(one)[-1].partition("<data>")[2].partition("</data>")[0])["results"]
    assert [(entry["name"], entry["column_count"]) for entry in found] == [("r1", 2), ("r2", 1), ("r3", 63)]
    assert [entry.get("columns", [])[:2] for entry in found[:2]] == [["place", "salary"], ["city"]]
    rows = [entry.get("rows") for entry in found]
    few = 3 if chosen == "full" else "fewer than 5"
    assert rows == ([None] * 3 if chosen == "schema" else [ROWS, few, ROWS])
    assert ("columns" in found[2]) == (chosen == "full")


def test_a_plan_reads_a_named_result(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "full")
    plan = {"from": "r1", "group_by": ["place"], "measures": [{"function": "max", "column": "salary"}]}
    wrong = {"from": "r1", "select": ["plaice"]}
    one.ask(
        [
            call("run_sql", sql=f"SELECT city AS place, salary FROM {T} WHERE city IN ('Rome', 'Oslo')"),
            call("run_plan", plan=plan),
            call("run_plan", plan=wrong),
        ]
    )
    table = one.run.steps[1].outcome.table
    assert sorted(table.to_pydict()["place"]) == ["Oslo", "Rome"]
    assert one.run.steps[2].fault.code == "plan_unknown_column" and "place" in replies(one)[2]
    later = {**plan, "from": "R2", "group_by": [], "measures": ["count"]}
    run = one.do(one.session.ask(parse(f"PLAN: {json.dumps(later)}")))
    assert run.status == "ok", run.error
    assert run.result.table.to_pydict() == {"rows": [2]}


def test_a_join_with_a_named_result_never_adds_up_twice(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "full")
    total = {"function": "sum", "column": f"{T}.salary"}
    joined = {"from": T, "joins": [{"table": "r1", "on": ["city"]}], "measures": [total]}
    inner = {"from": "r1", "group_by": ["city"], "measures": ["count"]}
    one.ask(
        [
            call("run_sql", sql=f"SELECT city FROM {T}"),
            call("run_plan", plan=joined),
            call("run_plan", plan={"from": inner, "measures": ["count"]}),
        ]
    )
    assert [step.status for step in one.run.steps] == ["ok", "error", "ok"]
    assert one.run.steps[1].fault.code == "plan_repeats_rows"


def test_names_of_an_earlier_result_that_come_from_the_query_are_told(
    talk: Callable[..., Talk], tmp_path: Path
) -> None:
    one = talk()
    one.add(csv(tmp_path))
    one.ask([call("run_sql", sql=f"SELECT city AS place, salary FROM {T}"), call("run_sql", sql="SELECT * FROM r1")])
    assert '"place"' in replies(one)[1]
    one.ask([call("run_sql", sql="SELECT nothing FROM r1")])
    assert "place" in replies(one)[0], "the error names the columns that there are"


# --- a sample -------------------------------------------------------------------------------------


def test_a_sample_is_counted_over_all_questions_and_sent_again_for_nothing(
    talk: Callable[..., Talk], tmp_path: Path
) -> None:
    one = talk()
    one.add(csv(tmp_path), "sample:5")
    pages = [call("run_sql", sql=f"SELECT person FROM {T} ORDER BY 1 LIMIT 2 OFFSET {n}") for n in range(0, 20, 2)]
    first = set(CELL.findall(one.ask(pages)))
    later = set(CELL.findall(one.ask([call("run_sql", sql=f"SELECT person FROM {T} ORDER BY 1 DESC")])))
    assert len(first) == 5
    assert later <= first


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT string_agg(person, ' ') FROM {T}",
        f"SELECT list(person), list(salary ORDER BY salary) FROM {T}",
        f"SELECT person, lag(person) OVER (), lead(person) OVER () FROM {T}",
        f"SELECT a.person, b.person FROM {T} a JOIN {T} b ON true",
        f"SELECT (SELECT list(person) FROM {T})",
        f"SELECT histogram(person) FROM {T}",
        f"SELECT person, (SELECT list(person) FROM {T}) FROM {T}",
        f"WITH w AS (SELECT list(person) AS p FROM {T}) SELECT p FROM w",
    ],
)
def test_a_sample_has_no_rows_that_are_put_together_from_several(
    talk: Callable[..., Talk], tmp_path: Path, text: str
) -> None:
    one = talk()
    one.add(csv(tmp_path), "sample:3")
    joined = f"' '.join({T}.person)"
    sent = one.ask([call("run_sql", sql=text), call("run_python", code=f"pd.DataFrame({{'x': [{joined}]}})")])
    assert [step.status for step in one.run.steps] == ["ok", "ok"], one.run.steps
    assert CELL.search(sent) is None
    rows = [call("run_sql", sql=f"SELECT upper(person) AS p, salary * 2 FROM {T} WHERE salary > 0 LIMIT 9")]
    assert len(set(re.findall(r"CELLCANARY-\d+", one.ask(rows)))) == 3


@pytest.mark.parametrize("made", CELLS_AS_NAMES, ids=["pivot", "plan", "python"])
def test_a_sample_has_no_names_that_were_cells(talk: Callable[..., Talk], tmp_path: Path, made: Turn) -> None:
    one = talk()
    one.add(csv(tmp_path), "sample:3")
    sent = one.ask([made, call("run_sql", sql="SELECT * FROM r1")])
    assert one.run.steps[0].status == "ok" and "cellcanary" in str(one.run.steps[0].outcome.columns)
    assert len(set(CELL.findall(sent))) <= 3, "those of three rows, and none of a name"


# --- conversations --------------------------------------------------------------------------------


def test_a_policy_that_was_tightened_holds_for_what_was_said_before(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "full")
    assert CELL.search(one.ask([call("run_sql", sql=f"SELECT person FROM {T} LIMIT 1"), say("It is cellcanary-000.")]))
    one.session.choose_policy(T, policy("schema"))
    again = one.ask([say("Nothing.")], "And now?")
    assert "What is there?" in again and CELL.search(again) is None


def test_what_was_undone_is_sent_no_more(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "full")
    asked = "Who is first?"
    assert CELL.search(one.ask([call("run_sql", sql=f"SELECT person FROM {T} LIMIT 1"), say("cellcanary-000")], asked))
    assert one.do(one.session.undo()) == asked
    again = one.ask([say("Nothing.")], "And now?")
    assert CELL.search(again) is None and asked not in again


def test_a_result_of_an_open_policy_is_read_under_the_policy_of_now(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path), "full")
    one.ask([call("run_sql", sql=f"SELECT person FROM {T}")])
    one.session.choose_policy(T, policy("aggregates"))
    reading = ["FROM r1", "SELECT person, count(*) FROM r1 GROUP BY 1", "SELECT max(person) FROM r1", "FROM r1, r1 b"]
    sent = one.ask([call("run_sql", sql=text) for text in reading], "And now?")
    assert [step.status for step in one.run.steps[:3]] == ["ok"] * 3
    assert CELL.search(sent) is None


@pytest.mark.parametrize("chosen", NAMES)
def test_what_a_chart_draws_is_not_told_to_the_model(talk: Callable[..., Talk], tmp_path: Path, chosen: str) -> None:
    one = talk()
    one.add(csv(tmp_path), chosen)
    sorted_by = {"field": "person", "sort": {"field": "salary", "order": "ascending"}}
    spec = {"mark": "bar", "encoding": {"x": sorted_by, "y": {"field": "salary"}}, "title": "Mine"}
    turns = [
        call("run_sql", sql=f"SELECT person, salary FROM {T} OFFSET 30"),
        call("make_chart", result="r1", spec=spec),
    ]
    one.ask(turns)
    assert one.run.steps[-1].status == "ok" and "cellcanary-031" in str(one.run.steps[-1].outcome.artefacts)
    assert replies(one)[1] == '{"status":"ok","chart":"shown to the person"}'


def test_notes_for_the_person_are_not_told_to_the_model(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    path = csv(tmp_path / "secretdirectory")
    one.add(path)
    path.write_text(path.read_text() + "cellcanary-999,x,Rome,7310099,1999-01-01\n")
    turns = [
        call("run_sql", sql=f"SELECT city FROM {T} ORDER BY city LIMIT 3"),
        call("ask_user", question="Which city?", choices=["a", "b"]),
    ]
    sent = one.ask(turns, may_ask=False)
    assert any("was read again" in note for note in one.run.notes) and any("tie" in note for note in one.run.notes)
    assert "secretdirectory" not in sent and "read again" not in sent and CELL.search(sent) is None


def test_what_the_planner_asked_back_does_not_go_to_a_model_elsewhere(
    talk: Callable[..., Talk], tmp_path: Path
) -> None:
    one = talk()
    one.add(csv(tmp_path))
    one.ask([], "What is the city of the highest?", model="offline/planner")
    assert one.run.status == "clarify"
    later = one.ask([say("Yes.")], "Rome, please.")
    assert "What is the city of the highest?" in later and "Rome, please." in later
    assert one.run.error is None
    said = [m for m in one.bodies[-1]["messages"] if m["role"] in ("assistant", "tool")]
    assert any(m.get("tool_calls") for m in said)
    assert not re.search(r"cellcanary|rarecanary|Rome|Oslo|highest", json.dumps(said))


def test_a_dictionary_is_the_persons_words_and_leaves_under_every_policy(
    talk: Callable[..., Talk], tmp_path: Path
) -> None:
    one = talk()
    path = csv(tmp_path)
    (tmp_path / f"{T}.dictionary.yaml").write_text(
        "version: 1\ndescription: tablewords\nsynonyms: [rowwords]\ncolumns:\n  person:\n    description: columnwords\n"
    )
    one.add(path, "schema")
    sent = one.ask([call("describe_dataset", name=T)])
    assert all(words in sent for words in ("tablewords", "rowwords", "columnwords"))
    assert CELL.search(sent) is None


def test_what_the_planner_on_this_machine_said_does_not_go_to_a_model_elsewhere(
    talk: Callable[..., Talk], tmp_path: Path
) -> None:
    one = talk()
    one.add(csv(tmp_path))
    assert one.ask([], "Which person has the highest salary?", model="offline/planner") == "[]"
    assert one.run.status == "ok" and "cellcanary-059" in one.run.prose
    assert one.run.sent.requests == 0
    later = one.ask([say("Yes.")], "Are you sure?")
    assert "Which person has the highest salary?" in later
    assert CELL.search(later) is None


@pytest.mark.parametrize("chosen", NAMES)
def test_the_planner_on_this_machine_sees_everything_and_sends_nothing(
    talk: Callable[..., Talk], tmp_path: Path, chosen: str
) -> None:
    one = talk()
    one.add(csv(tmp_path), chosen)
    assert one.ask([], "How many rows have the city Rome?", model="offline/planner") == "[]"
    assert one.run.status == "ok", one.run.error
    assert "30" in one.run.prose
    assert (one.run.sent.requests, one.run.sent.bytes) == (0, 0)


def test_a_server_on_this_machine_counts_as_elsewhere_unless_the_person_says_so() -> None:
    loopback = Settings(api_base="http://127.0.0.1:1/v1")
    assert Boundary(loopback).leaves("openai/x")
    assert not Boundary(replace(loopback, local_model=True)).leaves("openai/x")
    assert Boundary(Settings(api_base="http://example.org/v1", local_model=True)).leaves("openai/x")
    assert Boundary(Settings(local_model=True)).leaves("openai/x")
    assert not Boundary(Settings()).leaves("offline/planner")


def test_a_local_model_of_the_person_is_told_everything(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk(local_model=True)
    one.add(csv(tmp_path))
    one.session.boundary._api_base = "http://127.0.0.1:1/v1"
    assert CELL.search(one.ask([call("run_sql", sql=f"SELECT person FROM {T}")]))
    assert one.run.sent.requests == 0


def test_an_unknown_policy_is_a_clear_error() -> None:
    for wrong in ("open", "sample:0", "sample:x", "full:3", ""):
        with pytest.raises(UsageError):
            policy(wrong)
    with pytest.raises(UsageError):
        Boundary(Settings(default_policy="everything"))


# --- what was sent is known -----------------------------------------------------------------------


def test_the_capsule_tells_how_much_of_which_data_set_was_sent(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path))
    one.add(csv(tmp_path, "other.csv", first=100), "schema")
    one.ask([call("describe_dataset", name=T), call("run_sql", sql=f"SELECT city, count(*) FROM {T} GROUP BY 1")])
    record = one.session.store.load(one.run.id).record
    assert record["policies"] == {T: "aggregates", "other": "schema"}
    first, second = replies(one)
    assert record["sent"]["requests"] == 3
    assert record["sent"]["datasets"] == {T: 2 * len(first.encode()) + len(second.encode())}
    assert record["sent"]["bytes"] > sum(len(json.dumps(body["messages"])) for body in one.bodies) * 0.5


def test_the_messages_of_a_capsule_are_those_that_were_sent(talk: Callable[..., Talk], tmp_path: Path) -> None:
    one = talk()
    one.add(csv(tmp_path))
    one.ask([call("run_sql", sql=f"SELECT person FROM {T}")])
    kept = one.session.store.load(one.run.id).messages()
    sent = one.bodies[-1]["messages"]
    assert [{key: m.get(key) for key in ("role", "content", "tool_calls", "tool_call_id")} for m in kept[:-1]] == [
        {key: m.get(key) for key in ("role", "content", "tool_calls", "tool_call_id")} for m in sent
    ]


# --- nobody can forget it -------------------------------------------------------------------------


@settings(max_examples=6, deadline=None)
@given(st.text(min_size=8).map(lambda text: "canary" + text))
def test_a_tool_without_an_origin_leaks_nothing(text: str) -> None:
    """A new tool that gives plain text, or an error of its own with cells in it, or breaks with them."""
    escaped = json.dumps(text)[1:-1]

    async def plain(arguments: Any, progress: Any) -> ToolResult:
        return ToolResult("ok", text, text)

    async def joined(arguments: Any, progress: Any) -> ToolResult:
        from csvanalyst_ext.llm.provenance import Own

        return ToolResult("ok", Own("Found: ") + text)

    async def failing(arguments: Any, progress: Any) -> ToolResult:
        return fault_result("error", Fault("new_trouble", text, text))

    async def breaking(arguments: Any, progress: Any) -> ToolResult:
        raise ValueError(text)

    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    runs = {"plain": plain, "joined": joined, "failing": failing, "breaking": breaking}
    tools = {name: Tool(name, f"The tool {name}.", schema, run) for name, run in runs.items()}
    turns = [call(name) for name in tools]
    with ScriptedModel([*turns, call("plain"), say("Done.")]) as server:
        gateway = Gateway(Settings(api_base=server.api_base, model_access="loopback"), patience=AT_ONCE)
        done = asyncio.run(
            answer(
                "What?",
                gateway=gateway,
                model=MODEL,
                toolbox=Toolbox(tools, "Answer."),
                limits=AgentLimits(),
                emit=lambda event: None,
            )
        )
        sent = json.dumps([request.body for request in server.requests])
    assert done.status == "ok" and len(server.requests) == 6
    assert escaped not in sent and "canary" not in sent


def test_a_message_without_an_origin_is_withheld_whoever_says_it() -> None:
    boundary = Boundary(Settings())
    said = [{"role": role, "content": "canary"} for role in ("system", "user", "assistant", "tool")]
    parts = {
        "role": "user",
        "content": [{"type": "text", "text": "canary"}, {"type": "image_url", "image_url": "canary"}],
    }
    asked = {
        "role": "assistant",
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"x": "canary"}'}}],
    }
    extra = {"role": "user", "content": None, "hidden": "canary"}
    assert "canary" not in json.dumps(boundary.outgoing("openai/x", "", [*said, parts, asked, extra]).messages)
    assert "canary" in json.dumps(boundary.outgoing("offline/planner", "", said).messages)
