"""Speed, side by side in one run: the warm sandbox against DuckDB in process and one container per query.

``make bench`` runs it, prints a table of medians and ratios and writes ``docs/evidence/bench.json``.
Nothing here is a test: numbers are reported, never asserted.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from csvanalyst_ext.config import Settings
from csvanalyst_ext.execution import docker_client, docker_image
from csvanalyst_ext.protocol import Limits, SqlRequest
from csvanalyst_ext.session.session import AnalystSession

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "docs" / "evidence" / "bench.json"
SELECT_1 = "SELECT 1 AS one"
GROUP_BY = "SELECT carrier, count(*) AS n, avg(dep_delay) AS delay FROM flights GROUP BY carrier ORDER BY carrier"
THINK = 0.15
"""Seconds between two questions: workers are made ready off the path, as when a person asks."""


@dataclass(frozen=True)
class Row:
    """One measurement; seconds."""

    what: str
    how: str
    runs: int
    p50: float
    p95: float


def measure(what: str, how: str, runs: int, call: Callable[[], Any], pause: float = 0.0) -> Row:
    seconds = []
    for _ in range(runs):
        time.sleep(pause)
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    ordered = sorted(seconds)
    row = Row(what, how, runs, statistics.median(ordered), ordered[min(runs - 1, int(runs * 0.95))])
    print(f"  {what:<34} {how:<22} {row.p50 * 1000:>10.1f} ms   p95 {row.p95 * 1000:>10.1f} ms   n={runs}", flush=True)
    return row


def queries(home: Path) -> list[Row]:
    """``SELECT 1`` and a group-by over the flights, three ways over the same Parquet file."""
    loop = asyncio.new_event_loop()
    session = AnalystSession.open(Settings(home=home))
    [flights] = loop.run_until_complete(session.add("flights"))
    parquet = next((home / "sessions").rglob(f"tables/{flights.file}"))
    inside = duckdb.connect(config={"threads": os.cpu_count() or 1})
    inside.execute(f"CREATE VIEW flights AS FROM read_parquet('{parquet}')")
    client = docker_client.connect()
    image = docker_image.find(client)

    def warm(text: str) -> Callable[[], Any]:
        request = SqlRequest(text, None, True, Limits())
        return lambda: loop.run_until_complete(session._executor.run(request)).raise_for_status()

    def container(text: str) -> Callable[[], Any]:
        code = (
            "import duckdb; c = duckdb.connect(); "
            "c.execute(\"CREATE VIEW flights AS FROM read_parquet('/data/flights.parquet')\"); "
            f"print(len(c.execute({text!r}).fetchall()))"
        )
        site = "import sys; sys.path.insert(0, '/opt/csvanalyst/site'); "
        command = ["docker", "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp"]
        command += ["-v", f"{parquet}:/data/flights.parquet:ro", "--entrypoint", "python3", image, "-c", site + code]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    rows = []
    for name, text in (("SELECT 1", SELECT_1), ("group-by over 336,776 flights", GROUP_BY)):
        local = lambda text=text: inside.sql(text).to_arrow_table()  # noqa: E731
        for call in (local, warm(text)):
            call()
        rows.append(measure(name, "DuckDB in process", 40, local, THINK))
        rows.append(measure(name, "warm sandbox", 40, warm(text), THINK))
        rows.append(measure(name, "docker run each", 5, container(text)))
    loop.run_until_complete(session.close())
    return rows


def cold_start(home: Path) -> Row:
    """From nothing to a sandbox that answered ``SELECT 1``."""

    def once() -> None:
        loop = asyncio.new_event_loop()
        session = AnalystSession.open(Settings(home=home))
        loop.run_until_complete(session._executor.run(SqlRequest(SELECT_1))).raise_for_status()
        seconds.append(time.perf_counter())
        loop.run_until_complete(session.close())

    seconds: list[float] = []
    durations = []
    for _ in range(5):
        started = time.perf_counter()
        once()
        durations.append(seconds[-1] - started)
    row = Row("cold start to first SELECT 1", "new container", 5, statistics.median(durations), max(durations))
    print(
        f"  {row.what:<34} {row.how:<22} {row.p50 * 1000:>10.1f} ms   max {row.p95 * 1000:>10.1f} ms   n=5", flush=True
    )
    return row


def load_ext() -> Row:
    """``%load_ext csvanalyst_ext`` in a new IPython."""
    code = (
        "import time\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\nstart = time.perf_counter()\n"
        "shell.run_line_magic('load_ext', 'csvanalyst_ext')\nprint(time.perf_counter() - start)"
    )
    environment = {**os.environ, "IPYTHONDIR": tempfile.mkdtemp()}
    durations = sorted(
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
            ).stdout
        )
        for _ in range(7)
    )
    row = Row("%load_ext csvanalyst_ext", "new IPython", 7, statistics.median(durations), durations[-1])
    print(
        f"  {row.what:<34} {row.how:<22} {row.p50 * 1000:>10.1f} ms   max {row.p95 * 1000:>10.1f} ms   n=7", flush=True
    )
    return row


def write_csv(path: Path, size: int) -> int:
    """A CSV of about ``size`` bytes with numbers, dates, words and quoted text; its real size."""
    chance = random.Random(7)
    words = ["north", "south", "east", "west", "Zürich", "São Paulo", 'said "no"', "a, b"]
    quoted = ['"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word for word in words]
    block = "".join(
        f"{i},{chance.random():.6f},{quoted[chance.randrange(8)]},2024-{1 + i % 12:02}-{1 + i % 28:02},"
        f"{chance.randrange(10**6)},{quoted[chance.randrange(8)]},{chance.gauss(0, 100):.3f}\n"
        for i in range(20_000)
    ).encode()
    with path.open("wb") as file:
        file.write(b"id,share,region,day,amount,remark,delta\n")
        while file.tell() < size:
            file.write(block)
    return path.stat().st_size


def ingest(home: Path) -> list[Row]:
    """A CSV of 100 MB: ours (staging, hash, checks, profile, Parquet in the cache) against DuckDB's COPY."""
    source = home / "large.csv"
    size = write_csv(source, 100_000_000)
    print(f"  (a CSV of {size / 1e6:.0f} MB)")
    loop = asyncio.new_event_loop()

    def copy() -> None:
        with duckdb.connect() as connection:
            target = home / "copy.parquet"
            connection.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)")

    session = AnalystSession.open(replace(Settings(), home=home / "ingest"))
    loop.run_until_complete(session._executor.start())
    count = iter(range(100))

    def ours() -> None:
        with source.open("ab") as file:
            file.write(b"1,0.5,north,2024-01-01,5,a,0.5\n")  # other bytes, so that nothing comes from the cache
        loop.run_until_complete(session.add(str(source), name=f"large{next(count)}"))

    rows = [
        measure("ingest of 100 MB CSV", "DuckDB COPY", 3, copy),
        measure("ingest of 100 MB CSV", "sandbox", 3, ours),
    ]
    loop.run_until_complete(session.close())
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        rows = [*queries(home), cold_start(home), load_ext(), *ingest(home)]
    base = {row.what: row.p50 for row in rows if row.how.startswith("DuckDB")}
    print("\n  ratio to DuckDB in process, medians")
    for row in rows:
        if row.what in base and not row.how.startswith("DuckDB"):
            difference = (row.p50 - base[row.what]) * 1000
            print(f"  {row.what:<34} {row.how:<22} {row.p50 / base[row.what]:>10.1f} x   {difference:>+10.1f} ms")
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    document = {"machine": machine, "duckdb": duckdb.__version__, "seconds": [vars(row) for row in rows]}
    EVIDENCE.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
