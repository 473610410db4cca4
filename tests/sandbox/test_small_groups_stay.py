"""Small groups do not leave under the policy ``aggregates``: a real sandbox, real LiteLLM, a scripted server.

Each group of the table has a name, a sum and a share of its own, so that whatever of a small one is sent is found
in the bodies of the requests, however it was asked for.  What the person sees is whole.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.policy import SMALLEST_GROUP, policy
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.llm.scripted import Call, ScriptedModel, calls, say
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.session import AnalystSession
from tests.agent.support import AT_ONCE, MODEL

SIZES = {"one": 1, "two": 2, "four": 4, "five": SMALLEST_GROUP, "many": 40}
SMALL = re.compile(r"small-[a-z]+|(person|note)-[a-z]+-[a-z0-9]+|4[1234]\d0\d\d\d")
"""Names of groups of fewer than five rows, names of single persons, and the pay of those in small groups."""


def row(group: str, number: int) -> str:
    """The pay of small groups is neither the least nor the most of all, which a profile tells."""
    large = SIZES[group] >= SMALLEST_GROUP
    kind = "large" if large else "small"
    pay = {"one": 4_110_000, "two": 4_220_000, "four": 4_440_000, "five": 1_000_000, "many": 9_000_000}[group] + number
    return f"{kind}-{group},person-{group}-{number},{pay},note-{group}-{number},1999-0{1 + number % 9}-01"


PEOPLE = "team,person,pay,note,day\n" + "".join(
    row(group, number) + "\n" for group, size in SIZES.items() for number in range(size)
)
TEAMS = "team,place\n" + "".join(
    f"{'large' if size >= SMALLEST_GROUP else 'small'}-{group},note-place-{group}\n" for group, size in SIZES.items()
)
SQL = (
    "SELECT team, count(*) AS n, sum(pay) FROM people GROUP BY team",
    "SELECT team, min(pay), max(pay), min(person), max(day) FROM people GROUP BY ALL",
    "SELECT team FROM people GROUP BY team HAVING count(*) = 1",
    "SELECT team, max(pay) FROM people GROUP BY 1 HAVING count(*) < 5 OR sum(pay) < 5000000",
    "SELECT DISTINCT team FROM people",
    "SELECT DISTINCT ON (team) team, pay FROM people",
    "SELECT count(DISTINCT team), count(DISTINCT person) FROM people",
    "WITH t AS (SELECT team, count(*) AS n, max(pay) AS top FROM people GROUP BY team) SELECT * FROM t ORDER BY n",
    "WITH t AS (SELECT * FROM people WHERE team = 'small-one') SELECT max(pay), count(*) FROM t",
    "SELECT * FROM (SELECT team, sum(pay) AS s FROM people GROUP BY team) WHERE s < 5000000",
    "SELECT (SELECT max(pay) FROM people WHERE team = 'small-one')",
    "SELECT count(*) FROM people WHERE pay = (SELECT min(pay) FROM people)",
    "SELECT team, pay, rank() OVER (PARTITION BY team ORDER BY pay) FROM people",
    "SELECT team, count(*) OVER (PARTITION BY team) FROM people",
    "SELECT team, sum(pay) AS s, rank() OVER (ORDER BY sum(pay)) FROM people GROUP BY team",
    "SELECT team, lag(sum(pay)) OVER (ORDER BY team) FROM people GROUP BY team",
    "SELECT first_value(person) OVER (ORDER BY pay) FROM people LIMIT 1",
    "SELECT team, count(*) FROM people GROUP BY team QUALIFY row_number() OVER (ORDER BY count(*)) <= 3",
    "SELECT min(pay), max(pay) FROM people WHERE person = 'person-one-0'",
    "SELECT median(pay), quantile_cont(pay, 0.0), mad(pay) FROM people WHERE team LIKE '%two'",
    "SELECT t.place, sum(p.pay) FROM people p JOIN teams t USING (team) GROUP BY 1",
    "SELECT p.team, count(*), max(p.pay) FROM people p CROSS JOIN people q GROUP BY 1",
    "SELECT p.team, count(*), max(p.pay) FROM people p, range(100) GROUP BY 1",
    "SELECT p.team, max(q.pay) FROM people p JOIN people q USING (team) GROUP BY 1",
    "SELECT team, count(*) FROM people SEMI JOIN teams USING (team) GROUP BY 1",
    "SELECT team, max(pay) FROM (SELECT * FROM people UNION ALL SELECT * FROM people UNION ALL SELECT * FROM people) "
    "GROUP BY 1",
    "SELECT team, max(pay) FROM (SELECT unnest([1, 2, 3, 4, 5, 6]) AS n, * FROM people) GROUP BY 1",
    "SELECT team, pay, count(*) FROM people GROUP BY GROUPING SETS ((team), (pay), (team, pay), ())",
    "SELECT team, person, count(*) FROM people GROUP BY ROLLUP (team, person)",
    "SELECT team, person, count(*) FROM people GROUP BY CUBE (team, person)",
    "SELECT left(person, 9), max(pay) FROM people GROUP BY 1",
    "SELECT sum(pay) FILTER (WHERE team = 'small-one'), max(pay) FILTER (WHERE team LIKE 'small%two') FROM people",
    "SELECT sum(CASE team WHEN 'small-one' THEN pay END), max(if(team LIKE '%four', pay, NULL)) FROM people",
    "SELECT any_value(person), list(pay), string_agg(note, ','), arg_min(person, pay), mode(note) FROM people",
    "SELECT team, string_agg(person, ';') FROM people GROUP BY team",
    "SELECT histogram(pay) FROM people",
    "SELECT team, count(*) FROM people GROUP BY team UNION SELECT person, pay FROM people",
    "SELECT team, count(*) FROM people GROUP BY team EXCEPT SELECT 'large-many', 40",
    "PIVOT people ON team USING max(pay)",
    "PIVOT people ON team IN ('small-one', 'large-many') USING max(pay)",
    "PIVOT people ON day USING count(*) GROUP BY team",
    "PIVOT (SELECT team, count(*) AS n FROM people GROUP BY team) ON team USING sum(n)",
    "UNPIVOT (SELECT team, person FROM people) ON team, person INTO NAME n VALUE v",
    "SUMMARIZE people",
    "EXPLAIN ANALYZE SELECT * FROM people WHERE pay = (SELECT min(pay) FROM people)",
    "SELECT error(person) FROM people",
    "SELECT CAST(person AS INTEGER) FROM people",
    "SELECT CAST(max(person) AS DATE) FROM people GROUP BY team",
    "FROM people LIMIT 3",
    "SELECT COLUMNS(*) FROM people",
)
MAX_PAY = {"function": "max", "column": "pay"}
PLANS: tuple[dict[str, Any], ...] = (
    {"from": "people", "group_by": ["team"], "measures": ["count", MAX_PAY]},
    {"from": "people", "group_by": ["team", "day"], "measures": [MAX_PAY], "pivot": "team"},
    {"from": "people", "group_by": ["team"], "measures": ["count"], "first": 2, "order": [{"by": "count"}]},
    {"from": "people", "where": [{"column": "team", "operator": "=", "value": "small-one"}], "measures": [MAX_PAY]},
    {"from": "people", "select": ["person", "pay"], "order": [{"by": "pay"}], "limit": 2},
    {"from": "people", "select": ["team"], "distinct": True},
    {"from": "people", "joins": [{"table": "teams"}], "group_by": ["teams.place"], "measures": ["count"]},
    {"from": {"from": "people", "group_by": ["team"], "measures": ["count"]}, "order": [{"by": "team"}]},
    {"from": "r1"},
    {"from": "r1", "group_by": ["team"], "measures": ["count"]},
)
PYTHON = (
    "people.groupby('team').pay.max()",
    "print(people[people.team == 'small-one'])",
    "people.pivot_table(index='day', columns='team', values='pay')",
    "raise RuntimeError(people.person[0])",
    "import os, sys\nprint(people.person[0], flush=True)\nsys.stderr.write(people.person[0])\nos._exit(3)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "plt.title(people.person[0])\nresult = None",
)
LATER = (
    "FROM r1",
    "SELECT team, max(n) FROM r1 GROUP BY team",
    *(text for n in range(1, 40) for text in (f"SELECT * FROM r{n} LIMIT 1", f"SELECT nothing FROM r{n}")),
)
OTHERS = (
    Call("describe_dataset", json.dumps({"name": "people"})),
    Call("find_values", json.dumps({"texts": ["SMALL ONE", "person one 0"]})),
    Call("list_datasets", "{}"),
    Call("make_chart", json.dumps({"result": "r1", "spec": {"mark": "bar", "encoding": {"x": {"field": "team"}}}})),
    Call("make_chart", json.dumps({"result": "r1", "spec": {"mark": "bar", "encoding": {"x": {"field": "no"}}}})),
)
CALLS = (
    *(Call("run_sql", json.dumps({"sql": text})) for text in SQL),
    *(Call("run_plan", json.dumps({"plan": plan})) for plan in PLANS),
    *(Call("run_python", json.dumps({"code": code})) for code in PYTHON),
    *(Call("run_sql", json.dumps({"sql": text})) for text in LATER),
    *OTHERS,
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, list[tuple[Call, str]]]]:
    """The run, and each call with what the model was told of it."""
    place = tmp_path_factory.mktemp("groups")
    settings = replace(
        Settings(), home=place / "home", model=MODEL, model_access="loopback", max_steps=60, max_tool_calls=400,
        max_context=10_000_000, max_tokens=100_000_000, max_seconds=900.0, timeout=30.0,
    )  # fmt: skip
    loop = asyncio.new_event_loop()
    session = AnalystSession.open(settings)
    try:
        run, bodies = loop.run_until_complete(_asked(session, settings, place))
        replies = [m["content"] for m in bodies[-1]["messages"] if m["role"] == "tool"]
        assert len(replies) == len(CALLS), run.error
        yield run, list(zip(CALLS, replies, strict=True))
    finally:
        loop.run_until_complete(session.close())
        loop.close()


async def _asked(session: AnalystSession, settings: Settings, place: Path) -> tuple[Any, list[Any]]:
    for name, text in (("people", PEOPLE), ("teams", TEAMS)):
        (place / f"{name}.csv").write_text(text)
        await session.add(str(place / f"{name}.csv"), policy=policy("aggregates"))
    turns = [calls(*CALLS[start : start + 10]) for start in range(0, len(CALLS), 10)]
    with ScriptedModel(turns, then=say("Done.")) as server:
        configured = replace(settings, api_base=server.api_base)
        session._gateway = Gateway(configured, boundary=session.boundary, patience=AT_ONCE)
        run = await session.ask(parse("What is there?"))
        return run, [request.body for request in server.requests]


def test_nothing_of_a_small_group_is_told(told: Any) -> None:
    _, replies = told
    # A column without a name is named after its expression: the model's own words, of this call or an earlier one.
    own = {match[0] for call in CALLS for match in SMALL.finditer(call.arguments)}
    assert own <= {"small-one", "person-one-0"}
    found = [(call, sorted({match[0] for match in SMALL.finditer(reply)} - own)[:3]) for call, reply in replies]
    leaks = [(call, words) for call, words in found if words]
    assert leaks == [], "\n".join(map(str, leaks))


def test_what_the_queries_name_themselves_has_no_number_beside_it(told: Any) -> None:
    """A query may name a group; how large it is, or what is in it, is not told."""
    _, replies = told
    asked = [reply for call, reply in replies if "small-one" in call.arguments]
    assert len(asked) > 5
    assert not any(re.search(r"4[1234]\d0\d\d\d|small-one\W{1,3}\d", reply) for reply in asked)


def test_large_groups_are_told(told: Any) -> None:
    _, replies = told
    first = replies[0][1]
    assert '["large-five",5,' in first and '["large-many",40,' in first
    plan = next(reply for call, reply in replies if call.name == "run_plan")
    assert "large-many" in plan and "small" not in plan


def test_the_person_has_them_all(told: Any) -> None:
    run, _ = told
    table = run.steps[0].outcome.table.to_pydict()
    assert set(table["team"]) == {f"{'large' if n >= SMALLEST_GROUP else 'small'}-{g}" for g, n in SIZES.items()}
    ok = sum(step.status == "ok" for step in run.steps)
    assert ok > len(CALLS) // 2, "most of it runs; else little is tested"
