"""The golden path, proven by one command: ``make first-run-check``.

Starts a real Jupyter kernel, loads the extension, registers the shipped flights, and asks one SQL
question, one Python question and one plain question (offline planner), all answered in the Docker
sandbox and compared with known values.  One line for each step; exit status 1 when any failed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from csvanalyst_ext.execution import docker_client, docker_image

ROOT = Path(__file__).parents[1]
LOG = ROOT / "docs" / "evidence" / "logs" / "first-run-check.log"
SQL = """%%analyst -o by_origin --quiet
SQL: SELECT origin, count(*) AS flights, round(avg(dep_delay), 4) AS delay
FROM flights GROUP BY origin ORDER BY origin"""
PYTHON = """%%analyst -o busiest --quiet
PYTHON:
months = flights.groupby("month").size().sort_values(ascending=False)
months.head(3).rename("flights").reset_index()"""
PLAIN = """%%analyst -o answer --quiet
What is the average distance per carrier?"""


class Failed(Exception):
    """A step did not give what it must."""


class Kernel:
    """A real kernel in a home of its own."""

    def __init__(self, home: Path) -> None:
        self._manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(home / "k"))
        self._home = home

    def start(self) -> None:
        import os

        environment = {**os.environ, "CSVANALYST_HOME": str(self._home), "CSVANALYST_MODEL": "offline/planner"}
        self._manager.start_kernel(env=environment, cwd=str(ROOT))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        """Run a cell; its text output.  Raises ``Failed`` with the error that it shows."""
        texts: list[str] = []

        def listen(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif message["msg_type"] == "execute_result":
                texts.append(content["data"].get("text/plain", ""))

        reply = self._client.execute_interactive(code, output_hook=listen, timeout=120)["content"]
        if reply["status"] != "ok":
            raise Failed(f"{reply.get('ename')}: {reply.get('evalue')}")
        return "".join(texts)

    def rows(self, frame: str) -> list[list[Any]]:
        """The rows of a DataFrame in the kernel, which must be a real one."""
        code = f"import json, pandas\nassert type({frame}) is pandas.DataFrame\nprint({frame}.to_json(orient='values'))"
        return list(json.loads(self.run(code)))

    def stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def expect(got: Any, wanted: Any) -> None:
    if got != wanted:
        raise Failed(f"expected {wanted}, got {str(got)[:300]}")


def check_image() -> None:
    client = docker_client.connect()
    docker_image.find(client)
    client.close()


def check_sql(kernel: Kernel) -> None:
    kernel.run(SQL)
    expect(kernel.rows("by_origin"), [["EWR", 120835, 15.108], ["JFK", 111279, 12.1122], ["LGA", 104662, 10.3469]])


def check_python(kernel: Kernel) -> None:
    kernel.run(PYTHON)
    expect(kernel.rows("busiest"), [[7, 29425], [8, 29327], [10, 28889]])


def check_plain(kernel: Kernel) -> None:
    kernel.run(PLAIN)
    rows = {carrier: round(distance, 2) for carrier, distance in kernel.rows("answer")}
    expect(len(rows), 16)
    expect({key: rows[key] for key in ("HA", "UA", "YV")}, {"HA": 4983.0, "UA": 1529.11, "YV": 375.03})


def check_capsules(home: Path) -> None:
    found = sorted(home.rglob("capsule.json"))
    expect(len(found), 3)
    for path in found:
        capsule = json.loads(path.read_text())
        expect(capsule["status"], "ok")


def check_nothing_left(kernel: Kernel) -> None:
    owner = kernel.run("import os; print(os.getpid())").strip() + ":"
    client = docker_client.connect()

    def owned() -> list[str]:
        listed = client.api.containers(all=True, filters={"label": "csvanalyst=1"})
        return [c["Id"][:12] for c in listed if c["Labels"].get("csvanalyst.owner", "").startswith(owner)]

    expect(len(owned()), 1)
    kernel.stop()
    deadline = time.monotonic() + 20
    while left := owned():
        if time.monotonic() > deadline:
            raise Failed(f"containers are left: {left}")
        time.sleep(0.1)
    client.close()


def main() -> int:
    lines: list[str] = []
    failed = 0

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    def step(name: str, call: Callable[[], object]) -> None:
        nonlocal failed
        started = time.perf_counter()
        try:
            call()
            verdict, why = "PASS", ""
        except Exception as error:
            failed += 1
            verdict, why = "FAIL", f"  {type(error).__name__}: {error}"
        say(f"{verdict}  {name:<58} {time.perf_counter() - started:6.2f} s{why}")

    with tempfile.TemporaryDirectory(prefix="csvanalyst-check-") as directory:
        home = Path(directory)
        kernel = Kernel(home)
        step("the Docker engine answers and the runner image is there", check_image)
        step("a Jupyter kernel starts", kernel.start)
        step("%load_ext csvanalyst_ext", lambda: kernel.run("%load_ext csvanalyst_ext"))
        step("%analyst add flights (336,776 rows, shipped)", lambda: kernel.run("%analyst add flights"))
        step("SQL: cell, answered in the sandbox", lambda: check_sql(kernel))
        step("PYTHON: cell, answered in the sandbox", lambda: check_python(kernel))
        step("plain question, offline planner, answered in the sandbox", lambda: check_plain(kernel))
        step("each question left a capsule", lambda: check_capsules(home))
        step("the kernel ends and no container is left", lambda: check_nothing_left(kernel))
    say("first-run-check: FAIL" if failed else "first-run-check: PASS")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_text("\n".join(lines) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
