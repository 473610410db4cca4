"""The background loop: results, events, interrupts, the end."""

import _thread
import asyncio
import os
import subprocess
import sys
import threading

import pytest

from csvanalyst_ext.engine import Engine
from csvanalyst_ext.errors import Cancelled, DataError, UsageError


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def test_a_job_runs_on_one_other_thread_and_its_result_comes_back(engine):
    async def job(emit):
        return threading.current_thread()

    first, second = engine.submit(job), engine.submit(job)
    assert first is second is not threading.current_thread()


def test_an_unused_engine_has_no_thread():
    assert not Engine().started


def test_a_jobs_error_is_raised_where_it_was_asked_for(engine):
    async def job(emit):
        raise DataError("no_file", "There is no such file.")

    with pytest.raises(DataError):
        engine.submit(job)


def test_events_arrive_in_order_on_the_thread_that_waits(engine):
    async def job(emit):
        for number in range(100):
            emit(number)

    seen = []
    engine.submit(job, on_event=lambda event: seen.append((event, threading.current_thread())))
    assert seen == [(number, threading.current_thread()) for number in range(100)]


def test_an_interrupt_cancels_the_job_waits_for_its_end_and_raises_cancelled(engine):
    ended = []

    async def job(emit):
        emit("running")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(Cancelled):
        engine.submit(job, on_event=lambda _: _thread.interrupt_main())
    assert ended == [True]


def test_the_next_job_after_an_interrupt_works(engine):
    async def waits(emit):
        emit("running")
        await asyncio.Event().wait()

    async def works(emit):
        return 42

    with pytest.raises(Cancelled):
        engine.submit(waits, on_event=lambda _: _thread.interrupt_main())
    assert engine.submit(works) == 42


def test_a_job_that_will_not_end_is_given_up_after_the_grace():
    engine = Engine(grace=0.05)
    release = threading.Event()

    async def stubborn(emit):
        emit("running")
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    with pytest.raises(Cancelled):
        engine.submit(stubborn, on_event=lambda _: _thread.interrupt_main())
    release.set()
    engine.close()


def test_an_error_of_the_display_cancels_the_job_and_is_raised(engine):
    ended = []

    async def job(emit):
        emit("running")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    def broken(event):
        raise ValueError("display")

    with pytest.raises(ValueError, match="display"):
        engine.submit(job, on_event=broken)
    assert ended == [True]


def test_close_runs_the_closers_last_one_first_and_refuses_further_jobs(engine):
    closed = []

    async def job(emit):
        return None

    async def first():
        closed.append("first")

    async def second():
        closed.append("second")
        raise RuntimeError("a closer that fails does not stop the others")

    engine.submit(job)
    engine.on_close(first)
    engine.on_close(second)
    engine.close()
    engine.close()
    assert closed == ["second", "first"]
    with pytest.raises(UsageError) as caught:
        engine.submit(job)
    assert caught.value.code == "engine_closed"


def test_a_forked_child_gets_a_clear_error_and_leaves_the_parents_session_alone(engine):
    async def job(emit):
        return 1

    assert engine.submit(job) == 1
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            engine.submit(job)
            code = b"none"
        except UsageError as error:
            code = error.code.encode()
        engine.close()
        os.write(write, code)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 100) == b"forked"
    assert engine.submit(job) == 1


def test_the_end_of_the_process_runs_the_closers_while_threads_still_work():
    program = """
import asyncio
from csvanalyst_ext.engine import Engine
engine = Engine()
async def job(emit):
    await asyncio.to_thread(len, "")
async def close():
    await asyncio.to_thread(print, "closed")
engine.submit(job)
engine.on_close(close)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


def test_a_loop_that_others_stop_is_an_error_for_who_waits_and_its_closers_run(engine):
    closed = []

    async def closer():
        closed.append(True)

    async def job(emit):
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    engine.on_close(closer)
    with pytest.raises(UsageError) as caught:
        engine.submit(job)
    assert (caught.value.code, closed) == ("engine_closed", [True])
    assert "reload_ext" in caught.value.hint
    with pytest.raises(UsageError):
        engine.submit(job)
