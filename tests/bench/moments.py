"""What happens once, not with every question: the cold start, loading, a kernel's first question, the refill."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from csvanalyst_ext.config import Settings
from csvanalyst_ext.protocol import SqlRequest

from . import cases, ways
from .measuring import Answer, Row, row
from .ways import IN_PROCESS, Sandbox

COLD = "cold start to the first SELECT 1"
LOAD = "%load_ext, in a new IPython"
FIRST = "first question after %load_ext: SELECT 1"
ADDED = "%load_ext, add flights, first question, together"
REFILL = "refill: pause until two workers are ready again"
AT_ONCE = "refill: how long a question at once waits for its worker"
PAUSES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3)
REST = 0.6
READY = 0.002
"""Seconds that two questions may wait longer than after a long rest when both workers are ready."""

_LOADING = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_cell(sys.argv[1]).raise_error()
print(time.perf_counter() - start)
"""


def cold_start(name: str, settings: Settings, home: Path) -> Answer:
    """A session, its container, one answer.  Removing both is not part of it."""
    sandbox = Sandbox(name, settings, home)
    answer = sandbox.ask(cases.SELECT_1)
    return Answer(answer.value, answer.parts, sandbox.close)


def load_ext(runs: int) -> list[Row]:
    """``%load_ext`` in a new IPython each; beside it what a person imports to do the same in process."""
    cells = {"sandbox": "%load_ext csvanalyst_ext", IN_PROCESS: "import duckdb, pandas"}
    times: dict[str, list[float]] = {way: [] for way in cells}
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "IPYTHONDIR": directory}
        for _ in range(runs):
            for way, cell in cells.items():
                command = [sys.executable, "-c", _LOADING, cell]
                done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
                times[way].append(float(done.stdout))
    return [row(LOAD, way, times[way]) for way in (IN_PROCESS, "sandbox")]


# --- a kernel's first question --------------------------------------------------------------------


@contextlib.contextmanager
def kernel(home: Path, carrier: str) -> Iterator[Any]:
    """A function that runs a cell of a new kernel and gives the seconds until its reply."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CSVANALYST_HOME": str(home / "home"), "CSVANALYST_MODEL_ACCESS": "offline"}
    manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(home / "k"))
    manager.start_kernel(env={**environment, "CSVANALYST_CARRIER": carrier}, cwd=str(home))
    client = manager.client()
    client.start_channels()

    def run(cell: str) -> float:
        started = time.perf_counter()
        reply = client.execute_interactive(cell, timeout=120, output_hook=lambda message: None)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{cell!r}: {reply['content'].get('evalue')}")
        return time.perf_counter() - started

    try:
        client.wait_for_ready(timeout=60)
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def first_questions(directory: Path, carriers: Sequence[tuple[str, str]], runs: int) -> list[Row]:
    """In a real kernel, as its client sees it; ``carriers`` are names of ways and what they set."""
    flights = Path(__file__).parents[2] / "datasets" / "flights.csv.gz"
    group_by = cases.GROUP_BY.text
    view = f"duckdb.sql('''CREATE TABLE flights AS FROM read_csv('{flights}')''')"
    alone: dict[str, list[float]] = {way: [] for way in (IN_PROCESS, *dict(carriers))}
    together: dict[str, list[float]] = {way: [] for way in alone}
    for number in range(runs):
        with kernel(directory / f"plain{number}", "auto") as run:
            run("import duckdb")
            alone[IN_PROCESS].append(run("duckdb.sql('SELECT 1 AS one').df()"))
        with kernel(directory / f"plain{number}", "auto") as run:
            started = run("import duckdb")
            together[IN_PROCESS].append(started + run(view) + run(f"duckdb.sql('''{group_by}''').df()"))
        for way, carrier in carriers:
            with kernel(directory / f"{carrier}{number}", carrier) as run:
                run("%load_ext csvanalyst_ext")
                alone[way].append(run("%%analyst\nSQL: SELECT 1 AS one"))
            with kernel(directory / f"{carrier}{number}", carrier) as run:
                started = run("%load_ext csvanalyst_ext")
                added = run("%analyst add flights")
                together[way].append(started + added + run(f"%%analyst\nSQL: {group_by}"))
    return [row(FIRST, way, alone[way]) for way in alone] + [row(ADDED, way, together[way]) for way in together]


# --- the refill -----------------------------------------------------------------------------------


def refill(sandbox: Sandbox, runs: int) -> list[Row]:
    """How soon after a reply two workers are ready again, seen from outside.

    Two questions at once use up both workers.  After a pause two more are asked at once, and the runner
    tells how long each waited for a worker.  The refill is over with the shortest pause after which they wait
    no longer than after a long rest; the true time is between it and the pause before.
    """
    request = SqlRequest("SELECT 1 AS one")

    def pair() -> list[float]:
        return [sandbox.run(request).timings["wait"] for _ in range(2)]

    def waits(pause: float) -> list[list[float]]:
        found = []
        for _ in range(runs):
            time.sleep(REST)
            pair()
            time.sleep(pause)
            found.append(pair())
        return found

    rested = statistics.median(map(sum, waits(REST)))
    at_once = waits(0.0)
    enough = PAUSES[-1]
    for pause in PAUSES:
        if statistics.median(map(sum, waits(pause))) <= rested + READY:
            enough = pause
            break
    note = f"in steps; the pair waits {rested * 1000:.1f} ms in all after a long rest"
    return [
        row(REFILL, sandbox.name, [enough], note=note),
        row(AT_ONCE, sandbox.name, [wait for first, second in at_once for wait in (first, second)]),
    ]


def settings_of(carrier: str) -> Settings:
    return Settings(carrier=carrier, cpus=ways.SETTINGS.cpus)
