"""What can happen to the host's process: its limits, its loop, its clock, its forks, its end."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.datasets.owners import started
from csvanalyst_ext.engine import Engine
from csvanalyst_ext.errors import AnalystError, UsageError
from csvanalyst_ext.execution import docker_image, docker_reaper
from csvanalyst_ext.session.question import parse

from .conftest import Fault
from .stage import ENDLESS, Stage, value_of
from .traces import settled

ROOT = Path(__file__).parents[2]
WALL_CLOCK = re.compile(
    r"time\.time(_ns)?|time\.(localtime|gmtime|ctime)|(dt\.|datetime\.)*(datetime|date)\.(now|utcnow|today)"
)
MANY = "SQL: SELECT i, hash(i) AS h, 'some text ' || i AS t FROM range(400_000) r(i)"


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open no file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, hard))
    fillers = []
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                fillers.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in fillers:
            os.close(descriptor)


def test_no_descriptors_for_a_sandbox(fault: Fault) -> None:
    with fault("no free file descriptors (EMFILE) at the start", ready=False) as stage:
        with no_descriptors():
            run = stage.ask("SQL: SELECT 1")
        stage.sees_error(run.error, "sandbox_no_descriptors")


def test_no_descriptors_for_a_question(fault: Fault) -> None:
    with fault("no free file descriptors (EMFILE) in a question") as stage:
        with no_descriptors():
            run = stage.ask(MANY, max_rows=400_000)
        if run.error is None:
            stage.sees("the answer; its capsule is missing, with a note")
            assert run.capsule is None
        else:
            stage.sees_error(run.error, "sandbox_no_descriptors", "sandbox_lost", "runner_segment")


def test_no_descriptors_for_a_registration(fault: Fault) -> None:
    with fault("no free file descriptors (EMFILE) in a registration") as stage:
        other = stage.root / "other.csv"
        other.write_text("x\n1\n")
        with pytest.raises(AnalystError) as caught, no_descriptors():
            stage.add(other)
        codes = ("storage_unwritable", "data_unreadable", "sandbox_no_descriptors", "bad_manifest")
        stage.sees_error(caught.value, *codes)
        assert "open files" in str(caught.value)


def test_a_host_that_does_not_read_for_a_while(fault: Fault) -> None:
    with fault("slow reader (the host's loop blocked while results flow)") as stage:

        async def slow() -> object:
            task = asyncio.ensure_future(stage.session.ask(parse(MANY, max_rows=400_000)))
            for _ in range(6):
                await asyncio.sleep(0.05)
                time.sleep(0.5)
            return await task

        run = stage.do(slow())
        assert run.raise_for_status().result.row_count == 400_000
        del run  # a result is a descriptor as long as it lives
        stage.sees("the answer, later")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0], ids=["forward", "back"])
def test_a_clock_that_jumps_ends_nothing(fault: Fault, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    with fault(f"clock jumps a day {'ahead' if jump > 0 else 'back'} in a question") as stage:
        real = time.time

        def set_clock() -> None:
            monkeypatch.setattr(time, "time", lambda: real() + jump)

        run = stage.during("PYTHON: sum(i % 7 for i in range(40_000_000))", set_clock)
        assert run.raise_for_status().status == "ok"
        stage.require_right()
        stage.fails(ENDLESS, "timeout", timeout=1.0)
        monkeypatch.undo()


def test_no_deadline_looks_at_the_wall_clock() -> None:
    """What may jump is asked for the age of files and for the moment that a capsule is named after, nothing else."""
    found = set()
    for directory in ("csvanalyst_ext", "runner"):
        for path in (ROOT / directory).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and WALL_CLOCK.fullmatch(ast.unparse(node.func)):
                    found.add(str(path.relative_to(ROOT)))
    assert found <= {
        "csvanalyst_ext/capsules/store.py",
        "csvanalyst_ext/datasets/cache.py",
        "csvanalyst_ext/datasets/staging.py",
        "csvanalyst_ext/session/intake.py",
        "csvanalyst_ext/session/run.py",
        "csvanalyst_ext/session/session.py",
    }


def test_a_fork_of_the_host_leaves_the_session_alone(fault: Fault) -> None:
    with fault("fork of the host's process") as stage:
        engine = Engine()
        analyst = Analyst(stage.settings, make=lambda _: stage.session, engine=engine)
        engine.submit(_nothing)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = "none"
            try:
                analyst.ask(parse("SQL: SELECT 1"))
            except UsageError as error:
                code = f"{error.code} {error.hint}"
            finally:
                os.write(write, code.encode())
                os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 200).decode() == "forked Ask in the parent process."
        os.close(read)
        os.close(write)
        stage.sees("UsageError forked (in the child)")
        engine._closers.clear()  # the session is the stage's, which goes on
        engine.close()


async def _nothing(emit: object) -> None:
    return None


def test_a_loop_that_is_stopped_ends_the_session_cleanly(fault: Fault) -> None:
    with fault("event loop stopped while a question runs") as stage:
        analyst = Analyst(stage.settings)
        analyst.add(str(stage.source))
        loop = analyst._engine._loop
        assert loop is not None

        class Stops:
            def event(self, event: object) -> None: ...

            def tick(self) -> None:
                loop.call_soon_threadsafe(loop.stop)

        with pytest.raises(UsageError) as caught:
            analyst.ask(parse(ENDLESS), Stops())
        stage.sees_error(caught.value, "engine_closed")
        analyst.close()


def test_an_interrupt_while_the_sandbox_starts(fault: Fault) -> None:
    with fault("interrupt while the sandbox starts", ready=False) as stage:
        analyst = Analyst(stage.settings)

        class Interrupts:
            def event(self, event: object) -> None:
                raise KeyboardInterrupt

            def tick(self) -> None: ...

        answer = analyst.ask(parse("SQL: SELECT 1"), Interrupts())
        stage.sees_error(answer.error, "cancelled")
        analyst.add(str(stage.source))
        assert value_of(analyst.ask(parse("SQL: SELECT sum(distance) FROM trips"))._run) == 4849
        analyst.close()


def test_an_interrupt_in_a_question_ends_it_within_a_second(fault: Fault) -> None:
    with fault("interrupt in a question") as stage:

        async def stop() -> float:
            task = asyncio.ensure_future(stage.session.ask(parse(ENDLESS)))
            await stage.until(stage.busy)
            began = time.monotonic()
            task.cancel()
            await asyncio.wait({task})
            return time.monotonic() - began

        assert stage.do(stop()) < 1.0
        assert stage.session.last is not None
        stage.sees_error(stage.session.last.error, "cancelled")


def own(stage: Stage, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.owner", str(stage.home), str(stage.source), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def read(owner: subprocess.Popen[str]) -> str:
    assert owner.stdout is not None
    return owner.stdout.readline().strip()


def ended(owner: subprocess.Popen[str]) -> None:
    owner.wait(30)
    for pipe in (owner.stdin, owner.stdout):
        assert pipe is not None
        pipe.close()


@pytest.mark.parametrize(
    ("what", "sent"), [("killed (SIGKILL)", signal.SIGKILL), ("stopped, then killed", signal.SIGSTOP)]
)
def test_nothing_outlives_a_host_that_is_killed(fault: Fault, what: str, sent: signal.Signals) -> None:
    with fault(f"host's process {what} in a question") as stage:
        mine = set(stage.sessions)
        owner = own(stage, "endless")
        assert read(owner).startswith("4849 ")
        assert read(owner) == "endless"
        theirs = sorted({path.name for path in (stage.home / "sessions").iterdir() if path.is_dir()} - mine)
        assert len(theirs) == 1
        owner.send_signal(sent)
        owner.send_signal(signal.SIGKILL)
        ended(owner)

        def containers() -> list[str]:
            filters = {"label": f"csvanalyst.session={theirs[0]}"}
            return [found["Id"] for found in stage.engine.api.containers(all=True, filters=filters)]

        assert settled(containers, 60) == []
        other = own(stage, "add")  # the next start removes the dead one's directory
        assert read(other).startswith("4849 ")
        ended(other)
        assert {path.name for path in (stage.home / "sessions").iterdir() if path.is_dir()} == mine
        stage.sees("nothing: another session starts as usual")


def test_the_reaper_removes_what_a_dead_owner_left_and_nothing_else(fault: Fault, engine: docker.DockerClient) -> None:
    with fault("container of a dead owner, never started") as stage:
        labels = {"csvanalyst": "1", docker_reaper.HOST: docker_reaper.machine(), docker_reaper.OWNER: "999999999:1"}
        image = docker_image.expected().tag
        dead = engine.api.create_container(image, labels=labels)["Id"]
        mine = {**labels, docker_reaper.OWNER: f"{os.getpid()}:{started(os.getpid())}"}
        alive = engine.api.create_container(image, labels=mine)["Id"]
        try:
            stage.do(stage.session.reset())
            stage.ready()
            left = {found["Id"] for found in engine.api.containers(all=True, filters={"label": "csvanalyst=1"})}
            assert dead not in left
            assert alive in left
            assert set(stage.containers()) <= left
        finally:
            docker_reaper.remove(engine, alive)
        stage.sees("nothing: it is removed")
