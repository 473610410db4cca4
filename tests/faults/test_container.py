"""What can happen to the container and to the processes in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from csvanalyst_ext.config import MIB
from csvanalyst_ext.execution.local import LocalCarrier

from .conftest import Fault
from .stage import ENDLESS, Stage

LOST = ("sandbox_lost", "sandbox_unresponsive")


def kill(stage: Stage) -> None:
    stage.engine.api.kill(stage.container())


def remove(stage: Stage) -> None:
    stage.engine.api.remove_container(stage.container(), force=True)


def stop(stage: Stage) -> None:
    stage.engine.api.stop(stage.container(), timeout=1)


def signal_process(number: int, sent: signal.Signals) -> Callable[[Stage], None]:
    def send(stage: Stage) -> None:
        if os.geteuid() != 0:
            pytest.skip("signalling processes of the sandbox from outside needs root")
        os.kill(stage.processes()[number][0], sent)

    return send


@pytest.mark.parametrize(
    ("what", "happen"),
    [
        ("container killed", kill),
        ("container removed", remove),
        ("container stopped", stop),
        ("supervisor killed", signal_process(0, signal.SIGKILL)),
        ("zygote killed", signal_process(1, signal.SIGKILL)),
    ],
)
@pytest.mark.parametrize("when", ["during a question", "between questions"])
def test_a_sandbox_that_dies_is_replaced(fault: Fault, what: str, happen: Callable[[Stage], Any], when: str) -> None:
    with fault(f"{what} {when}") as stage:
        before = stage.container()
        if when == "during a question":
            run = stage.during(ENDLESS, lambda: happen(stage))
            stage.sees_error(run.error, *LOST)
        else:
            happen(stage)
            stage.do(stage.until(lambda: before not in stage.containers()))
            stage.require_right()
            stage.sees("nothing: it is replaced")
        stage.require_right()
        assert stage.container() != before


def test_a_paused_container_is_given_up_after_the_deadline(fault: Fault) -> None:
    with fault("container paused") as stage:
        before = stage.container()
        stage.engine.api.pause(before)
        stage.fails("SQL: SELECT 1", "sandbox_unresponsive", timeout=0.5)
        stage.require_right()
        assert stage.container() != before


def test_a_stopped_supervisor_is_given_up_after_the_deadline(fault: Fault) -> None:
    with fault("supervisor stopped (SIGSTOP)") as stage:
        before = stage.container()
        signal_process(0, signal.SIGSTOP)(stage)
        stage.fails("SQL: SELECT 1", "sandbox_unresponsive", timeout=0.5)
        stage.require_right()
        assert stage.container() != before


@pytest.mark.parametrize(
    ("what", "sent", "code"),
    [
        ("worker killed", signal.SIGKILL, {"out_of_memory", "worker_crashed"}),
        ("worker crashed (SIGSEGV)", signal.SIGSEGV, {"worker_crashed"}),
        ("worker stopped (SIGSTOP)", signal.SIGSTOP, {"timeout"}),
    ],
)
def test_a_worker_that_dies_costs_its_question_and_not_the_sandbox(
    fault: Fault, what: str, sent: signal.Signals, code: set[str]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("signalling processes of the sandbox from outside needs root")
    with fault(what) as stage:
        before = stage.container()
        run = stage.during(ENDLESS, lambda: os.kill(stage.busy()[0], sent), timeout=4.0)
        stage.sees_error(run.error, *code)
        stage.require_right()
        assert stage.container() == before


@pytest.mark.parametrize(
    ("what", "stays"),
    [("waiting workers killed as a question comes", True), ("supervisor killed as a question comes", False)],
)
def test_what_dies_before_a_question_has_begun_costs_nothing(
    fault: Fault, what: str, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor finds the question and the deaths in one look, the question first; or nothing any more."""
    if os.geteuid() != 0:
        pytest.skip("signalling processes of the sandbox from outside needs root")
    with fault(what, carrier="local") as stage:
        before = stage.container()
        supervisor, _, *workers = [number for number, _ in stage.processes()]
        assert workers
        send = LocalCarrier.send

        async def send_and_kill(self: LocalCarrier, data: bytes) -> None:
            monkeypatch.undo()
            os.kill(supervisor, signal.SIGSTOP)
            await send(self, data)
            for number in workers if stays else [supervisor]:
                os.kill(number, signal.SIGKILL)
            if stays:
                os.kill(supervisor, signal.SIGCONT)

        monkeypatch.setattr(LocalCarrier, "send", send_and_kill)
        stage.require_right()
        stage.sees("the answer")
        assert (stage.container() == before) is stays


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("out of memory in Python", "PYTHON: x = bytearray(4 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1"),
        ("out of memory in SQL", "SQL: SELECT list_transform(range(0, 100000000), lambda x: x + 1)"),
        (
            "out of memory in a child of a worker",
            "PYTHON: import os\nif os.fork() == 0:\n    x = bytearray(4 << 30)\n"
            "    for i in range(0, len(x), 4096): x[i] = 1\nos.wait()\nwhile True: pass",
        ),
    ],
)
def test_a_question_that_takes_all_memory_ends_alone(fault: Fault, what: str, text: str) -> None:
    with fault(what) as stage:
        run = stage.ask(text, timeout=5.0)
        # A child that was killed leaves its parent to go on, until the deadline.
        stage.sees_error(run.error, "out_of_memory", "memory", "python_memory", "sql_memory", "timeout")
        stage.require_right()
        assert len(stage.containers()) == 1


def test_a_sandbox_with_little_memory_says_so_and_does_not_flap(fault: Fault) -> None:
    with fault("memory limit too small to start", ready=False, memory=128 * MIB, scratch=16 * MIB) as stage:
        run = stage.ask("SQL: SELECT 1")
        if run.error is None:
            stage.sees("the answer")
        else:
            stage.sees_error(run.error, "sandbox_lost", "sandbox_start_timeout", "out_of_memory")
