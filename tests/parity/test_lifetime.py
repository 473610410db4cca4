"""The life of a sandbox: requests in order, loss, rest, removal, and others beside it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from csvanalyst_ext.errors import SandboxLost
from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from tests.support.providers import Provider
from tests.support.sandbox import Sandbox


async def until_gone(sandbox: Sandbox, provider: Provider) -> None:
    async with asyncio.timeout(10 * provider.slowness):
        while await asyncio.to_thread(provider.outside.sandboxes, sandbox.session):
            await asyncio.sleep(0.05)


def test_requests_that_come_at_once_are_answered_in_order(sandbox: Sandbox) -> None:
    order: list[int] = []

    async def ask(number: int) -> int:
        outcome = await sandbox.executor.run(SqlRequest(f"SELECT {number} AS n"))
        order.append(number)
        assert outcome.table is not None
        return int(outcome.table["n"][0].as_py())

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*map(ask, range(6)))

    assert sandbox.do(all_at_once()) == order == list(range(6))


def test_a_lost_sandbox_is_one_error_and_is_replaced(new_sandbox: Callable[..., Sandbox], provider: Provider) -> None:
    sandbox = new_sandbox()
    sandbox.value("SELECT 1")
    [before] = provider.outside.sandboxes(sandbox.session)

    async def lose() -> BaseException | None:
        task = asyncio.ensure_future(sandbox.executor.run(PythonRequest("while True: pass", None, Limits(timeout=60))))
        await asyncio.wait({task}, timeout=0.5)
        await asyncio.to_thread(provider.outside.kill, before)
        await asyncio.wait({task}, timeout=10 * provider.slowness)
        return task.exception()

    assert isinstance(sandbox.do(lose()), SandboxLost)
    assert sandbox.value("SELECT count(*) FROM flights") == 5
    assert before not in provider.outside.sandboxes(sandbox.session)


def test_closing_removes_it_and_can_be_done_twice(new_sandbox: Callable[..., Sandbox], provider: Provider) -> None:
    sandbox = new_sandbox()
    sandbox.do(sandbox.executor.close())  # nothing there yet
    sandbox.value("SELECT 1")
    assert len(provider.outside.sandboxes(sandbox.session)) == 1
    for _ in range(2):
        sandbox.do(sandbox.executor.close())
        assert provider.outside.sandboxes(sandbox.session) == []


def test_an_idle_sandbox_is_removed_and_comes_back_unnoticed(
    new_sandbox: Callable[..., Sandbox], provider: Provider
) -> None:
    sandbox = new_sandbox(idle_timeout=0.3)
    sandbox.value("SELECT 1")
    sandbox.do(until_gone(sandbox, provider))
    assert sandbox.value("SELECT count(*) FROM flights") == 5


def test_two_sandboxes_side_by_side_do_not_see_each_other(
    new_sandbox: Callable[..., Sandbox], provider: Provider
) -> None:
    one, other = new_sandbox(), new_sandbox()
    one.add_table("mine", pa.table({"x": [1]}))
    other.add_table("mine", pa.table({"x": [2]}))
    assert (one.value("SELECT x FROM mine"), other.value("SELECT x FROM mine")) == (1, 2)
    one.python("open('/tmp/left', 'w').write('x')")
    seen = "import os\n'|'.join(os.listdir('/tmp') + os.listdir('/data/tables')).count('left')"
    assert other.python(seen).table == pa.table({"result": [0]})
    assert provider.outside.sandboxes(one.session) != provider.outside.sandboxes(other.session)
    provider.outside.kill(provider.outside.sandboxes(one.session)[0])
    assert other.value("SELECT x FROM mine") == 2


OWNER = """
import json, sys
from pathlib import Path
from csvanalyst_ext.config import Settings
from tests.support.sandbox import Sandbox
sandbox = Sandbox(Path(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
sandbox.value("SELECT 1")
print(sandbox.session, flush=True)
sandbox.python("while True: pass", timeout=600)
"""


def test_nothing_is_left_after_the_owner_was_killed_while_a_query_ran(provider: Provider, tmp_path: Path) -> None:
    settings = json.dumps(dict(provider.settings))
    command = [sys.executable, "-c", OWNER, str(tmp_path), settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as owner:
        assert owner.stdout is not None
        session = owner.stdout.readline().strip()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while provider.outside.sandboxes(session):
        assert time.monotonic() < deadline, "a sandbox outlived its owner by a minute"
        time.sleep(0.1)


def test_questions_leave_no_descriptors_behind(sandbox: Sandbox) -> None:
    sandbox.value("SELECT 1")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        sandbox.value("SELECT 1")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_start_that_is_given_up_leaves_nothing(new_sandbox: Callable[..., Sandbox], provider: Provider) -> None:
    sandbox = new_sandbox(start_timeout=0.05)
    with pytest.raises(SandboxLost) as caught:
        sandbox.sql("SELECT 1")
    assert caught.value.code == "sandbox_start_timeout"
    sandbox.do(until_gone(sandbox, provider))
