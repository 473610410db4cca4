"""The queue across processes: bounded, in the order of arrival, without holes, with an end."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from csvanalyst_ext.errors import SandboxBusy
from csvanalyst_ext.execution import admission
from csvanalyst_ext.execution.admission import Admission, Line


@pytest.fixture
def line(tmp_path):
    return Line(tmp_path / "line", 2, "things are done")


def tickets(line):
    return [path for path in line._directory.iterdir() if path.name[0].isdigit()]


async def visit(line, log, name, seconds=0.03, within=20.0):
    async with line.place(within):
        log.append((name, "in"))
        await asyncio.sleep(seconds)
        log.append((name, "out"))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def most_at_once(log):
    inside = most = 0
    for _, what in log:
        inside += 1 if what == "in" else -1
        most = max(most, inside)
    return most


def test_no_more_than_the_places_are_in_at_once_and_all_come_in_the_order_of_their_arrival(line):
    log = []

    async def steps():
        visits = []
        for number in range(20):
            visits.append(asyncio.create_task(visit(line, log, number)))
            await asyncio.sleep(0.002)
        await asyncio.gather(*visits)

    asyncio.run(steps())
    assert most_at_once(log) == 2
    assert [name for name, what in log if what == "in"] == list(range(20))
    assert tickets(line) == []


def test_whoever_comes_while_others_wait_does_not_pass_them_even_when_a_place_is_free(line):
    log = []

    async def steps():
        first = [asyncio.create_task(visit(line, log, name, 0.2)) for name in ("a", "b")]
        await until(lambda: len(log) == 2)
        waits = asyncio.create_task(visit(line, log, "c"))
        await until(lambda: line.waiting() == 1)
        await asyncio.gather(*first, waits, visit(line, log, "late"))

    asyncio.run(steps())
    assert [name for name, what in log if what == "in"] == ["a", "b", "c", "late"]


def test_a_deadline_ends_in_an_error_that_says_how_many_wait(line):
    async def steps():
        held = [asyncio.create_task(visit(line, [], name, 30)) for name in ("a", "b")]
        first = asyncio.create_task(visit(line, [], "c"))
        await until(lambda: line.waiting() == 1)
        with pytest.raises(SandboxBusy) as caught:
            await visit(line, [], "d", within=0.1)
        for task in (*held, first):
            task.cancel()
        await asyncio.gather(*held, first, return_exceptions=True)
        return caught.value

    error = asyncio.run(steps())
    assert (error.code, error.details) == ("sandbox_busy", {"waiting": 2, "ahead": 1, "places": 2})
    assert "2 things are done, 2 wait, 1 of them before this one" in error.message
    assert "CSVANALYST_QUEUE_TIMEOUT" in error.hint
    assert tickets(line) == []


def test_a_waiter_that_is_cancelled_leaves_no_hole_and_no_ticket(line):
    log = []

    async def steps():
        held = [asyncio.create_task(visit(line, log, name, 0.2)) for name in ("a", "b")]
        await until(lambda: len(log) == 2)
        gone = asyncio.create_task(visit(line, log, "gone"))
        await until(lambda: line.waiting() == 1)
        after = asyncio.create_task(visit(line, log, "after"))
        await until(lambda: line.waiting() == 2)
        gone.cancel()
        await asyncio.gather(*held, after)

    asyncio.run(steps())
    assert [name for name, what in log if what == "in"] == ["a", "b", "after"]
    assert tickets(line) == []


OTHER = """
import asyncio, sys
from pathlib import Path
from csvanalyst_ext.execution.admission import Line
line = Line(Path(sys.argv[1]), 2, "things are done")
async def steps():
    async with line.place(60):
        print("in", flush=True)
        await asyncio.sleep(60)
asyncio.run(steps())
"""


@pytest.fixture
def others(line):
    """Starts processes that take a place, or wait for one."""
    made = []

    def start():
        made.append(subprocess.Popen([sys.executable, "-c", OTHER, str(line._directory)], stdout=subprocess.PIPE))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()
        process.stdout.close()


def test_what_processes_that_are_killed_held_or_waited_for_is_free_at_once(line, others):
    holders = [others(), others()]
    for holder in holders:
        assert holder.stdout.readline() == b"in\n"
    waiter = others()

    async def steps():
        await until(lambda: line.waiting() == 1)
        log = []
        mine = asyncio.create_task(visit(line, log, "mine"))
        await until(lambda: line.waiting() == 2)
        for process in (waiter, holders[0]):
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed = time.monotonic()
        await mine
        return time.monotonic() - killed

    assert asyncio.run(steps()) < 1.0
    assert tickets(line) == []


def test_tickets_of_the_dead_of_before_a_reboot_hold_nobody_up(line):
    line._directory.mkdir()
    (line._directory / "00000000000000000001-dead").touch()
    (line._directory / "99999999999999999999-dead").touch()
    log = []
    asyncio.run(visit(line, log, "a"))
    assert log
    assert tickets(line) == []


@pytest.mark.parametrize("broken", ["a file in the way", "no locks"])
def test_a_home_in_which_no_queue_can_be_kept_lets_everybody_in(line, monkeypatch, broken):
    if broken == "no locks":

        def refuse(descriptor, operation):
            raise OSError("no locks here")

        monkeypatch.setattr(fcntl, "flock", refuse)
    else:
        line._directory.write_text("")
    log = []

    async def steps():
        await asyncio.gather(*(visit(line, log, number) for number in range(5)))

    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    asyncio.run(steps())
    assert most_at_once(log) == 5
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_a_fork_of_a_holder_does_not_hold_its_place(line):
    read, write = os.pipe()

    async def steps():
        async with line.place(1):
            pid = os.fork()
            if pid == 0:
                os.read(read, 1)
                os._exit(0)
        log = []
        held = [asyncio.create_task(visit(line, log, name, 30)) for name in ("a", "b")]
        try:
            await until(lambda: len(log) == 2)
        finally:
            os.write(write, b"!")
            os.waitpid(pid, 0)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    asyncio.run(steps())
    for descriptor in (read, write):
        os.close(descriptor)


def test_a_free_place_costs_a_warm_question_next_to_nothing(tmp_path):
    gate = Admission(tmp_path, 10)

    async def steps():
        async with gate.running():
            pass
        best = 1.0
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(100):
                async with gate.running():
                    pass
            best = min(best, (time.perf_counter() - started) / 100)
        return best

    assert asyncio.run(steps()) < 0.0005, "a quarter of the budget of the smallest question"


def test_the_cores_decide_how_many(tmp_path):
    gate = Admission(tmp_path, 10, cores=3)
    assert len(gate._starts._places) == 3 * admission.STARTS_PER_CORE
    assert len(gate._requests._places) == 3 * admission.REQUESTS_PER_CORE
