"""Many sessions at once: other kernels that share the cache, and more of them than the machine can serve."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from pathlib import Path

from csvanalyst_ext.execution import admission

from .conftest import Fault
from .stage import RIGHT, Stage
from .test_host import ended, own, read

CORES = os.cpu_count() or 1
SESSIONS = 50
"""At once; each in a process of its own, as kernels are."""


def test_two_kernels_that_ingest_the_same_file_at_once_share_one_entry(fault: Fault) -> None:
    with fault("two kernels ingest the same file at once", ready=False) as stage:
        kernels = [own(stage, "one") for _ in range(2)]
        for kernel in kernels:
            assert read(kernel) == "ready"
        for kernel in kernels:
            assert kernel.stdin is not None
            kernel.stdin.write("\n")
            kernel.stdin.flush()
        for kernel in kernels:
            assert read(kernel).startswith(f"{RIGHT} ")
            ended(kernel)
        assert len(list((stage.home / "cache").glob("*/*/table.parquet"))) == 1
        stage.sees("both the answer; one entry")


class Watch:
    """How many containers are live, and how many are on their way, most."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.most_starting = 0
        self.most_waiting = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")
        self._thread.start()

    def _look(self) -> None:
        line = self._stage.home / "queue" / "start"
        filters = {"label": "csvanalyst=1", "status": "created"}
        while not self._over.wait(0.05):
            if line.is_dir():
                self.most_waiting = max(self.most_waiting, sum(p.name[0].isdigit() for p in line.iterdir()))
            self.most_starting = max(
                self.most_starting, len(self._stage.engine.api.containers(all=True, filters=filters))
            )

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def test_fifty_sessions_at_once_all_get_their_answer_in_turn(fault: Fault) -> None:
    with fault(f"{SESSIONS} sessions at once on {CORES} cores", start_timeout=60.0, queue_timeout=300.0) as stage:
        kernels = [own(stage, "one") for _ in range(SESSIONS)]
        try:
            for kernel in kernels:
                assert read(kernel) == "ready"
            watch = Watch(stage)
            began = time.monotonic()
            for kernel in kernels:
                assert kernel.stdin is not None
                kernel.stdin.write("\n")
                kernel.stdin.flush()
            answers = [read(kernel).split() for kernel in kernels]
            took = time.monotonic() - began
            watch.close()
        finally:
            for kernel in kernels:
                if sys.exc_info()[0] is not None:
                    kernel.kill()
                ended(kernel)
        assert [answer[0] for answer in answers] == [str(RIGHT)] * SESSIONS
        assert watch.most_starting <= admission.STARTS_PER_CORE * CORES
        assert watch.most_waiting >= SESSIONS // 4, "they did not come at once"
        stage.sees(
            f"all {SESSIONS} the answer, the last after {took:.0f} s; never more than {watch.most_starting} starting"
        )
        stage.require_right()


def test_a_deadline_in_the_queue_says_how_many_wait(fault: Fault) -> None:
    with fault("queue too long for the deadline", queue_timeout=0.5) as stage:
        held = [places_of(stage, "run", number) for number in range(admission.REQUESTS_PER_CORE * CORES)]
        run = stage.fails("SQL: SELECT 1", "sandbox_busy")
        assert run.error is not None
        assert run.error.details["waiting"] == 1
        before = stage.container()
        for descriptor in held:
            os.close(descriptor)
        stage.require_right()
        assert stage.container() == before, "waiting in vain costs no sandbox"


def places_of(stage: Stage, line: str, number: int) -> int:
    descriptor = os.open(stage.home / "queue" / line / f"place-{number}", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_a_waiter_that_is_killed_leaves_no_hole(fault: Fault) -> None:
    with fault("session killed while it waits in the queue", ready=False) as stage:
        (stage.home / "queue" / "start").mkdir(parents=True)
        held = [places_of(stage, "start", number) for number in range(admission.STARTS_PER_CORE * CORES)]
        waiter = own(stage, "add")
        stage.do(stage.until(lambda: tickets(stage)))
        waiter.kill()
        ended(waiter)
        for descriptor in held:
            os.close(descriptor)
        began = time.monotonic()
        stage.add()
        stage.require_right()
        assert time.monotonic() - began < 15.0
        assert not tickets(stage)
        for left in (stage.home / "cache").glob("tmp-*"):
            os.utime(left, (0, 0))  # a minute later
        other = own(stage, "add")  # takes away what the dead one left
        assert read(other).startswith(f"{RIGHT} ")
        ended(other)
        stage.sees("nothing: its place is free at once")


def tickets(stage: Stage) -> list[Path]:
    return [path for path in (stage.home / "queue" / "start").iterdir() if path.name[0].isdigit()]
