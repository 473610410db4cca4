"""What goes wrong in a question: one typed error, and the next question gets its answer."""

from __future__ import annotations

import asyncio
import time

import pytest

from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from tests.support.providers import Provider
from tests.support.sandbox import Sandbox

FORK_BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"


def works(sandbox: Sandbox) -> None:
    assert sandbox.value("SELECT count(*) FROM flights") == 5


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("SELEC 1", "error", "sql_syntax"),
        ("SELECT nothing FROM flights", "error", "sql_unknown_column"),
        ("SELECT nosuch(1)", "error", "sql_unknown_function"),
        ("SELECT 'a'::INTEGER", "error", "sql_conversion"),
        ("SELECT 9223372036854775807::BIGINT + 1", "error", "sql_out_of_range"),
        ("FROM nowhere", "refused", "sql_unknown_table"),
        ("DROP TABLE flights", "refused", "sql_not_a_query"),
        ("COPY flights TO 'x'", "refused", "sql_not_a_query"),
        ("INSTALL httpfs", "refused", "sql_not_a_query"),
        ("SELECT 1; SELECT 2", "refused", "sql_not_one_statement"),
        ("FROM read_csv('/etc/passwd')", "refused", "sql_function_refused"),
    ],
)
def test_sql_that_gives_no_result_says_why(sandbox: Sandbox, text: str, status: str, code: str) -> None:
    outcome = sandbox.sql(text)
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code) == (status, code)
    assert outcome.fault.hint


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed", "worker_crashed"),
        ("import os; os.abort()", "crashed", "worker_crashed"),
        ("import os; os.kill(os.getpid(), 9)", "crashed", "worker_crashed"),
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
    works(sandbox)


def test_a_python_error_names_the_line(sandbox: Sandbox) -> None:
    outcome = sandbox.python("x = 1\ny = flights['speed']")
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code, outcome.fault.details["line"]) == ("error", "python_error", 2)
    works(sandbox)


def test_an_endless_query_ends_at_its_deadline(sandbox: Sandbox, provider: Provider) -> None:
    outcome = sandbox.sql("SELECT max(hash(i)) FROM range(1000000000000) t(i)", timeout=0.5)
    assert outcome.status == "timeout"
    assert outcome.timings["sandbox"] < 0.5 + provider.slowness
    works(sandbox)


def test_endless_threads_end_at_the_deadline(sandbox: Sandbox, provider: Provider) -> None:
    spin = "import threading\ndef spin():\n    while True: pass\n"
    outcome = sandbox.python(spin + "for _ in range(20): threading.Thread(target=spin).start()\nspin()", timeout=1.0)
    assert outcome.status == "timeout"
    assert outcome.timings["sandbox"] < 1.0 + provider.slowness
    works(sandbox)


def test_a_query_that_needs_too_much_memory_says_so(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT list_transform(range(0, 100000000), lambda x: x + 1)")
    assert outcome.status == "memory"
    assert outcome.fault is not None
    assert outcome.fault.hint
    works(sandbox)


def test_memory_that_only_the_kernel_can_deny_is_the_questions_error(sandbox: Sandbox, provider: Provider) -> None:
    """Taken in small pieces by a child, past all limits of one process."""
    before = provider.outside.sandboxes(sandbox.session)
    code = "import os\npids = [os.fork() for _ in range(2)]\nheld = []\nwhile True: held.append(os.urandom(1 << 20))"
    outcome = sandbox.python(code, timeout=10.0 * provider.slowness)
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code) == ("memory", "out_of_memory")
    works(sandbox)
    assert provider.one_fate or provider.outside.sandboxes(sandbox.session) == before


def test_a_fork_bomb_is_bounded(sandbox: Sandbox, provider: Provider) -> None:
    before = provider.outside.sandboxes(sandbox.session)
    outcome = sandbox.python(FORK_BOMB, timeout=2.0)
    assert outcome.status == "timeout" or (provider.one_fate and outcome.status == "memory")
    works(sandbox)
    assert provider.one_fate or provider.outside.sandboxes(sandbox.session) == before


def test_a_flood_of_output_is_killed_at_the_deadline(sandbox: Sandbox) -> None:
    outcome = sandbox.python("import os\nwhile True: os.write(1, b'x' * (1 << 20))", timeout=1.0)
    assert outcome.status == "timeout"
    assert len(outcome.stdout) == 65536
    assert outcome.stdout_truncated
    works(sandbox)


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


def test_a_worker_that_leaves_a_child_and_exits_does_not_wait_for_the_deadline(
    sandbox: Sandbox, provider: Provider
) -> None:
    outcome = sandbox.python("import os, time\nif os.fork() == 0:\n    time.sleep(600)\nos._exit(3)")
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code, outcome.fault.details["exit_status"]) == ("crashed", "worker_exited", 3)
    assert outcome.timings["sandbox"] < 2 * provider.slowness


def test_cancelling_kills_the_worker(sandbox: Sandbox, provider: Provider) -> None:
    async def start_and_cancel(request: SqlRequest | PythonRequest) -> float:
        task = asyncio.ensure_future(sandbox.executor.run(request))
        await asyncio.wait({task}, timeout=0.5)
        started = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.perf_counter() - started

    works(sandbox)
    before = provider.outside.sandboxes(sandbox.session)
    limits = Limits(timeout=60)
    assert sandbox.do(start_and_cancel(PythonRequest("while True: pass", None, limits))) < provider.slowness
    works(sandbox)
    endless = SqlRequest("SELECT max(hash(i)) FROM range(1000000000000) t(i)", None, True, limits)
    assert sandbox.do(start_and_cancel(endless)) < provider.slowness
    works(sandbox)
    assert provider.one_fate or provider.outside.sandboxes(sandbox.session) == before
