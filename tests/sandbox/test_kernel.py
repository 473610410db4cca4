"""A real Jupyter kernel with the extension loaded: interrupts, a kill, and what a cell shows."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from csvanalyst_ext.execution import docker_client

ENDLESS = "%%analyst\nPYTHON:\nwhile True: pass"


class Kernel:
    """A kernel in a home of its own, with the extension and one small table."""

    def __init__(self, home: Path) -> None:
        (home / "numbers.csv").write_text("n\n1\n2\n3\n")
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(home / "k"))
        environment = {**os.environ, "CSVANALYST_HOME": str(home / "home"), "CSVANALYST_MODEL_ACCESS": "offline"}
        self.manager.start_kernel(env=environment, cwd=str(home))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run("%load_ext csvanalyst_ext")
        self.run("%analyst add numbers.csv")
        self.pid = int(self.run("import os; print(os.getpid())")["text"])

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell; its status, error name, text and MIME bundles."""
        found: dict[str, Any] = {"text": "", "bundles": []}

        def listen(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                found["text"] += content["text"]
            elif message["msg_type"] in ("execute_result", "display_data"):
                found["bundles"].append(content["data"])

        reply = self.client.execute_interactive(code, output_hook=listen, timeout=120)["content"]
        return {**found, "status": reply["status"], "error": reply.get("ename", "")}

    def interrupted(self, code: str) -> tuple[dict[str, Any], float]:
        """Start a cell, interrupt it once its worker runs; its reply and the seconds from the interrupt to it."""
        asked = self.client.execute(code)
        self.until_busy()
        started = time.perf_counter()
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != asked:
            pass
        return reply["content"], time.perf_counter() - started

    def containers(self) -> list[dict[str, Any]]:
        client = docker_client.connect()
        try:
            listed = client.api.containers(all=True, filters={"label": "csvanalyst=1"})
            owner = f"{self.pid}:"
            return [found for found in listed if found["Labels"]["csvanalyst.owner"].startswith(owner)]
        finally:
            client.close()

    def until_busy(self) -> None:
        """Wait until a process in the sandbox has burnt more processor time than the making of a worker takes."""
        client = docker_client.connect()
        deadline = time.monotonic() + 60
        first: dict[str, int] = {}
        try:
            while time.monotonic() < deadline:
                for found in self.containers():
                    for pid, seconds in client.api.top(found["Id"], ps_args="-eo pid,times")["Processes"]:
                        if int(seconds) - first.setdefault(pid, int(seconds)) >= 3:
                            return
        finally:
            client.close()
        raise AssertionError("nothing ran in the sandbox")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    made = Kernel(tmp_path)
    yield made
    made.close()


def test_interrupting_a_cell_kills_the_worker_within_a_second_and_the_next_question_works(kernel: Kernel) -> None:
    before = [found["Id"] for found in kernel.containers()]
    reply, seconds = kernel.interrupted(ENDLESS)
    assert (reply["status"], reply["ename"]) == ("error", "Cancelled")
    assert seconds < 1.0, "a second is the promise"
    after = kernel.run("%%analyst -o total --quiet\nSQL: SELECT sum(n) AS total FROM numbers")
    assert after["status"] == "ok"
    assert kernel.run("print(int(total.total[0]))")["text"] == "6\n"
    assert [found["Id"] for found in kernel.containers()] == before


def test_an_answer_has_a_rich_and_a_plain_form_and_a_failed_question_raises(kernel: Kernel) -> None:
    answered = kernel.run("%%analyst\nSQL: SELECT max(n) AS largest FROM numbers")
    bundle = answered["bundles"][-1]
    assert {"text/html", "text/plain"} <= set(bundle)
    assert "largest" in bundle["text/plain"]
    assert kernel.run("%%analyst\nSQL: SELECT nothing FROM numbers")["error"] == "Failed"
    assert kernel.run("%%analyst\nHow does it feel?")["error"] == "NotUnderstood"


def test_after_a_kernel_was_killed_in_a_query_nothing_of_ours_is_left(kernel: Kernel) -> None:
    kernel.client.execute(ENDLESS)
    kernel.until_busy()
    assert kernel.containers()
    os.kill(kernel.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while kernel.containers():
        assert time.monotonic() < deadline, "a container outlived its kernel by a minute"
