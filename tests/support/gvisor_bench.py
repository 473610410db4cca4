"""What gVisor costs: the same work with runc and with gVisor, side by side in one run, the stream carrier for both.

``python -m tests.support.gvisor_bench [FILE]`` starts the second engine, prints a table of medians with their ratios
and writes the numbers to FILE as JSON; ``tests.bench`` can call ``costs``.  Nothing here is a test: numbers are
reported, never asserted.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.protocol import Limits, PythonRequest, Request, SqlRequest
from csvanalyst_ext.session.session import AnalystSession
from tests.support.providers import Provider, known, running

GROUP_BY: Final = "SELECT carrier, count(*) AS n, avg(dep_delay) AS delay FROM flights GROUP BY carrier"
PANDAS: Final = "flights.groupby('carrier')['dep_delay'].mean()"
PAUSE: Final = 1.0
"""Seconds between two questions: workers are made ready off the path, which takes longest under gVisor."""
CSV_SIZE: Final = 20 * MIB


@dataclass(frozen=True)
class Cost:
    """Medians of ``runs`` measurements in seconds, by provider."""

    what: str
    runs: int
    seconds: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """The last provider against the first."""
        values = list(self.seconds.values())
        return values[-1] / values[0]


class Bench:
    """A warm session of one provider with the flights in it."""

    def __init__(self, home: Path, provider: Provider) -> None:
        self.name = provider.name
        self._loop = asyncio.new_event_loop()
        settings = provider.configure(Settings(home=home / provider.name, start_timeout=120.0))
        self._settings = settings if provider.name != "docker-runc" else replace(settings, carrier="stream")
        self._session = self._open(self._settings)
        self._do(self._session.add("flights"))
        self._count = 0

    def _do(self, coroutine: Any) -> Any:
        return self._loop.run_until_complete(coroutine)

    def _open(self, settings: Settings) -> AnalystSession:
        return AnalystSession.open(settings)

    def ask(self, request: Request) -> None:
        self._do(self._session._executor.run(request)).raise_for_status()

    def cold(self) -> None:
        """Start another sandbox and ask it something; ``closing`` removes it, outside what is measured."""
        self._cold = self._open(self._settings)
        self._do(self._cold._executor.run(SqlRequest("SELECT 1"))).raise_for_status()

    def close_cold(self) -> None:
        self._do(self._cold.close())

    def ingest(self, source: Path) -> None:
        with source.open("ab") as file:
            file.write(b"1,0.5,north,2024-01-01\n")  # other bytes, so that nothing comes from the cache
        self._count += 1
        self._do(self._session.add(str(source), name=f"large{self._count}"))

    def close(self) -> None:
        self._do(self._session.close())
        self._loop.close()


def costs(home: Path, providers: tuple[Provider, ...]) -> list[Cost]:
    """Measure all of it, the providers taking turns within each measurement."""
    source = home / "large.csv"
    block = b"".join(b"%d,%.6f,%s,2024-01-%02d\n" % (i, i / 7, b"north", 1 + i % 28) for i in range(20_000))
    with source.open("wb") as file:
        file.write(b"id,share,region,day\n")
        while file.tell() < CSV_SIZE:
            file.write(block)
    large = SqlRequest("SELECT i, i * 2 AS twice FROM range(2000000) t(i)", limits=Limits(max_rows=2_000_000))
    with ExitStack() as stack:
        for provider in providers:
            stack.enter_context(running(provider))
        benches = [Bench(home, provider) for provider in providers]
        for bench in benches:
            stack.callback(bench.close)
        ask = [
            ("SELECT 1", 20, SqlRequest("SELECT 1")),
            ("group-by over 336,776 flights", 15, SqlRequest(GROUP_BY)),
            ("2,000,000 rows to Arrow", 5, large),
            ("Python, 1 + 1", 10, PythonRequest("1 + 1")),
            ("Python, groupby over the flights", 10, PythonRequest(PANDAS)),
        ]
        found = [
            measure(what, runs, benches, lambda bench, request=request: bench.ask(request))
            for what, runs, request in ask
        ]
        found.append(measure("cold start to the first SELECT 1", 3, benches, Bench.cold, Bench.close_cold))
        found.append(measure(f"ingest of a CSV of {CSV_SIZE // MIB} MB", 3, benches, lambda b: b.ingest(source)))
    return found


def measure(
    what: str,
    runs: int,
    benches: list[Bench],
    call: Callable[[Bench], Any],
    after: Callable[[Bench], Any] = lambda _: None,
) -> Cost:
    seconds: dict[str, list[float]] = {bench.name: [] for bench in benches}
    for _ in range(runs):
        for bench in benches:
            time.sleep(PAUSE)
            started = time.perf_counter()
            call(bench)
            seconds[bench.name].append(time.perf_counter() - started)
            after(bench)
    cost = Cost(what, runs, {name: statistics.median(values) for name, values in seconds.items()})
    shown = "".join(f"{name:>16} {value * 1000:>9.1f} ms" for name, value in cost.seconds.items())
    print(f"  {what:<34}{shown}   {cost.ratio:>5.1f} x   n={runs}", flush=True)
    return cost


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = costs(Path(directory), known())
    if arguments:
        Path(arguments[0]).write_text(json.dumps([asdict(cost) for cost in found], indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
