"""The executor over a real Docker engine: what a question gets back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import Limits, PythonRequest
from tests.support.sandbox import Sandbox


def test_a_sql_question_gives_a_typed_table(sandbox: Sandbox) -> None:
    outcome = sandbox.sql(
        "SELECT carrier, avg(delay) AS delay FROM flights GROUP BY carrier ORDER BY carrier NULLS LAST"
    )
    assert outcome.status == "ok"
    assert outcome.table is not None
    assert outcome.table.to_pydict() == {"carrier": ["AA", "B6", "UA", None], "delay": [-3.0, 45.0, 10.5, 2.0]}
    assert [(c.name, c.type) for c in outcome.columns] == [("carrier", "VARCHAR"), ("delay", "DOUBLE")]


def test_a_python_question_finds_tables_as_dataframes(sandbox: Sandbox) -> None:
    outcome = sandbox.python("flights.groupby('carrier')['distance'].sum()")
    assert outcome.table is not None
    assert outcome.table.to_pydict() == {"carrier": ["AA", "B6", "UA"], "distance": [760, 200, 2800]}


def test_python_prints_and_draws(sandbox: Sandbox) -> None:
    outcome = sandbox.python("print('hello')\nflights.plot.scatter('distance', 'delay')")
    assert outcome.status == "ok"
    assert outcome.stdout == "hello\n"
    assert [a.kind for a in outcome.artefacts] == ["image/png"]
    assert outcome.artefacts[0].data.startswith(b"\x89PNG")


def test_python_can_run_sql_and_gets_a_dataframe(sandbox: Sandbox) -> None:
    outcome = sandbox.python("df = sql('SELECT count(*) AS n FROM flights')\nint(df.n[0]) + 1")
    assert outcome.table == pa.table({"result": [6]})


def test_a_python_error_names_the_line_and_the_next_question_works(sandbox: Sandbox) -> None:
    outcome = sandbox.python("x = 1\ny = flights['speed']")
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code, outcome.fault.details["line"]) == ("error", "python_error", 2)
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_a_refused_statement_comes_back_typed(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("DROP TABLE flights")
    assert outcome.status == "refused"
    assert outcome.fault is not None
    assert outcome.fault.hint


def test_rows_are_capped_and_the_cut_is_flagged(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT * FROM range(1000000000)", max_rows=1000)
    assert (outcome.status, outcome.row_count, outcome.truncated) == ("ok", 1000, ("rows",))
    exact = sandbox.sql("SELECT * FROM range(1000)", max_rows=1000)
    assert (exact.row_count, exact.total_rows, exact.truncated) == (1000, 1000, ())


def test_bytes_are_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT repeat('x', 1000) AS x FROM range(100000)", max_bytes=2_000_000)
    assert outcome.table is not None
    assert outcome.truncated == ("bytes",)
    assert 0 < outcome.table.nbytes <= 2_000_000


def test_captured_output_is_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.python("for _ in range(100): print('x' * 100000)\n'done'", max_stdout=1000)
    assert outcome.status == "ok"
    assert (len(outcome.stdout), outcome.stdout_truncated) == (1000, True)


def test_an_endless_query_ends_at_its_deadline_and_the_next_question_works(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT max(hash(i)) FROM range(1000000000000) t(i)", timeout=0.5)
    assert outcome.status == "timeout"
    assert outcome.timings["sandbox"] < 1.5
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_nothing_of_a_request_is_left_for_the_next(sandbox: Sandbox) -> None:
    planted = sandbox.python(
        "import os, builtins, pandas\n"
        "os.makedirs('/tmp/a/b'); open('/tmp/a/b/c', 'w').write('x'); os.chmod('/tmp/a', 0)\n"
        "pandas.Series.sum = lambda *a, **k: 0\nbuiltins.sorted = lambda x: []\n'planted'"
    )
    assert planted.status == "ok"
    after = sandbox.python(
        "import os\n[len(sorted([1])), int(flights.distance.sum()), str(os.listdir('/tmp')).count('a')]"
    )
    assert after.table is not None
    assert after.table.column(0).to_pylist() == [1, 4849, 0]


def test_every_request_runs_in_a_process_of_its_own(sandbox: Sandbox) -> None:
    pids = [sandbox.python("import os\nos.getpid()").table for _ in range(2)]
    assert pids[0] != pids[1]


def test_descendants_die_with_the_request(sandbox: Sandbox) -> None:
    planted = sandbox.python(
        "import os, time, signal\n"
        "if os.fork() == 0:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(600)\n"
        "    os._exit(0)\n'parent'"
    )
    assert planted.status == "ok"
    after = sandbox.python("import os\nsorted(int(p) for p in os.listdir('/proc') if p.isdigit()).__len__()")
    assert after.table is not None
    assert after.table.column(0)[0].as_py() <= 5, "supervisor, zygote, at most two ready workers, this one"


def test_a_worker_that_leaves_a_child_and_exits_does_not_wait_for_the_deadline(sandbox: Sandbox) -> None:
    outcome = sandbox.python("import os, time\nif os.fork() == 0:\n    time.sleep(600)\nos._exit(3)")
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code, outcome.fault.details["exit_status"]) == ("crashed", "worker_exited", 3)
    assert outcome.timings["sandbox"] < 5


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed", "worker_crashed"),
        ("import os; os.abort()", "crashed", "worker_crashed"),
        ("import sys; sys.exit(0)", "error", "python_exit"),
        ("import os; os._exit(0)", "crashed", "worker_exited"),
        ("input()", "error", "python_error"),
        ("breakpoint()", "error", "python_error"),
        ("(x for x in [1])", "error", "python_result"),
        ("def f(:", "error", "python_syntax"),
        ("a = bytearray(8 << 30)\nfor i in range(0, len(a), 4096): a[i] = 1", "memory", "out_of_memory"),
        ("'a' * 10**12", "memory", "out_of_memory"),
        ("while True: pass", "timeout", "timeout"),
    ],
)
def test_code_that_goes_wrong_ends_in_one_typed_error(sandbox: Sandbox, code: str, status: str, fault: str) -> None:
    outcome = sandbox.python(code, timeout=3.0)
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code) == (status, fault)
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_a_fork_bomb_is_bounded_and_the_next_question_works(sandbox: Sandbox) -> None:
    outcome = sandbox.python("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", timeout=2.0)
    assert outcome.status == "timeout"
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_a_flood_of_output_is_killed_at_the_deadline(sandbox: Sandbox) -> None:
    outcome = sandbox.python("import os\nwhile True: os.write(1, b'x' * (1 << 20))", timeout=1.0)
    assert outcome.status == "timeout"
    assert len(outcome.stdout) == 65536
    assert outcome.stdout_truncated


def test_the_container_is_made_as_specified(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.do(sandbox.executor.start())
    made = sandbox.client.api.inspect_container(sandbox.containers()[0])
    host = made["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["ReadonlyRootfs"]) == ("none", "none", True)
    assert host["CapDrop"] == ["ALL"]
    assert host["Memory"] == host["MemorySwap"] == sandbox.settings.memory
    assert made["Config"]["User"] == "65532:65532"
    assert {m["Destination"]: m["RW"] for m in made["Mounts"]} == {"/data": False}
    environment = dict(line.split("=", 1) for line in made["Config"]["Env"])
    assert not {key for key in environment if any(word in key for word in ("KEY", "TOKEN", "PROXY", "proxy"))}


def test_cancelling_kills_the_worker_and_the_same_container_serves_on(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    before = sandbox.containers()

    async def start_and_cancel() -> float:
        question = PythonRequest("while True: pass", None, Limits(timeout=60))
        task = asyncio.ensure_future(sandbox.executor.run(question))
        await asyncio.wait({task}, timeout=0.3)
        started = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.perf_counter() - started

    assert sandbox.do(start_and_cancel()) < 1.0, "a second is the promise"
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    assert sandbox.containers() == before


def test_tables_can_change_faster_than_workers_are_made(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    before = sandbox.containers()
    for count in range(60):
        tables = {"flights": "flights.parquet"} if count % 2 else {}
        for _ in range(count % 4):
            sandbox.do(sandbox.executor.set_tables(tables))
        if count % 3:
            assert sandbox.sql("SELECT 1").status == "ok"
    assert sandbox.containers() == before


def test_a_failed_query_inside_python_is_typed_and_the_code_can_go_on(sandbox: Sandbox) -> None:
    outcome = sandbox.python("sql('SELECT speed FROM flights')")
    assert outcome.fault is not None
    assert outcome.fault.code == "sql_unknown_column"
    refused = sandbox.python("sql('DROP TABLE flights')")
    assert refused.status == "refused"
    went_on = sandbox.python(
        "try:\n    sql('SELECT speed FROM flights')\nexcept Exception as error:\n    print(error)\n"
        "int(sql('SELECT count(*) AS n FROM flights').n[0])"
    )
    assert went_on.table is not None
    assert went_on.table.column(0).to_pylist() == [5]
    assert "speed" in went_on.stdout
