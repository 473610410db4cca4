"""``make soak``: thousands of mixed questions, good and hostile, over a few sessions; nothing may pile up.

Runs on the host; a command.  Prints a table and a last line, and writes what it measured to
``docs/evidence/soak.json``.  ``tests/faults/test_soak.py`` runs a small one.

Memory: the resident size of this process, of the supervisor, and the memory that each container is
charged for (without what its file cache could give back), looked at every ``EVERY`` requests.  The
slope is a least-squares line over the samples after the first fifth, which is warm-up; what counts
is its growth over the whole rest of the run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import docker

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.execution import docker_client
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.session import AnalystSession
from tests.faults.traces import Traces, left_behind

REQUESTS: Final = 10_000
EVERY: Final = 50
MOST_GROWTH: Final = {"host": 48.0, "supervisor": 8.0, "container": 64.0}
"""MiB that each may grow over a run after its warm-up: far below what 10,000 requests would show, if each left a
hundredth of a megabyte."""
RIGHT: Final = 4849
_DATA: Final = "id,distance\n1,1400\n2,760\n3,1400\n4,200\n5,1089\n"


@dataclass(frozen=True)
class Kind:
    """``text`` is asked; ``statuses`` are the ends it may have.  ``weight`` of 1,000."""

    name: str
    weight: int
    text: str = ""
    statuses: tuple[str, ...] = ("ok",)
    timeout: float = 20.0
    cancel_after: float = 0.0


KINDS: Final = (
    Kind("SQL, one value", 300, "SQL: SELECT sum(distance) FROM trips"),
    Kind("SQL, 20,000 rows", 60, "SQL: SELECT i, hash(i) AS h, 'text ' || i AS t FROM range(20_000) r(i)"),
    Kind("SQL, 1 million rows", 5, "SQL: SELECT i FROM range(1_000_000) r(i)"),
    Kind("SQL over the result before", 40, "SQL: SELECT count(*) FROM r1"),
    Kind("Python, a frame", 120, "PYTHON: trips.groupby('distance').size().reset_index(name='n')"),
    Kind("Python, a chart", 30, "PYTHON: import matplotlib.pyplot as plt\n_ = plt.plot([1, 3, 2])"),
    Kind("words (offline planner)", 60, "How many trips are there?", ("ok", "clarify", "error")),
    Kind("ingest", 60),
    Kind("cancelled", 60, "PYTHON: while True: pass", ("cancelled",), cancel_after=0.15),
    Kind("refused SQL", 80, "SQL: DROP TABLE trips", ("refused",)),
    Kind("wrong SQL", 40, "SQL: SELECT nothing FROM trips", ("error",)),
    Kind("wrong Python", 40, "PYTHON: 1 / 0", ("error",)),
    Kind("past its deadline", 25, "PYTHON: while True: pass", ("timeout",), timeout=0.3),
    Kind("memory hog", 15, "PYTHON: len(bytearray(3 << 30).replace(b'\\0', b'1'))", ("memory",)),
    Kind("crash", 25, "PYTHON: import os; os.abort()", ("crashed", "error", "refused")),
    Kind("exit", 15, "PYTHON: import os; os._exit(3)", ("crashed", "error", "refused")),
    Kind(
        "forks that stay",
        10,
        "PYTHON: import os, time\nfor _ in range(40):\n    try:\n        if os.fork() == 0: time.sleep(60)\n"
        "    except OSError: break\n1",
        ("ok", "error", "timeout", "refused", "crashed"),
        timeout=2.0,
    ),
    Kind("output flood", 10, "PYTHON: print('x' * 5_000_000)", ("ok",)),
    Kind(
        "files in its scratch", 5, "PYTHON: open('/tmp/left', 'w').write('x' * 1_000_000)", ("ok", "error", "refused")
    ),
)


@dataclass
class Series:
    """Samples of a size in MiB, by the number of requests done."""

    points: list[tuple[int, float]] = field(default_factory=list)

    def growth(self) -> float:
        """MiB over the run after the warm-up, by the fitted line."""
        kept = self.points[len(self.points) // 5 :]
        if len(kept) < 3:
            return 0.0
        slope, _ = statistics.linear_regression([x for x, _ in kept], [y for _, y in kept])
        return slope * (kept[-1][0] - kept[0][0])


@dataclass
class Report:
    requests: int = 0
    seconds: float = 0.0
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    replaced: int = 0
    left: list[str] = field(default_factory=list)
    memory: dict[str, Series] = field(default_factory=lambda: {name: Series() for name in MOST_GROWTH})

    @property
    def passed(self) -> bool:
        grown = any(self.memory[name].growth() > most for name, most in MOST_GROWTH.items())
        return not self.wrong and not self.left and not grown

    def lines(self) -> Iterator[str]:
        names = [kind.name for kind in KINDS]
        width = max(map(len, names))
        yield f"{'question':{width}}  {'asked':>6}  how they ended"
        for name in names:
            ends = {status: count for (kind, status), count in sorted(self.ends.items()) if kind == name}
            yield f"{name:{width}}  {sum(ends.values()):6,}  {', '.join(f'{s} {c:,}' for s, c in ends.items())}"
        yield ""
        for name, most in MOST_GROWTH.items():
            points = self.memory[name].points
            first, last = (points[len(points) // 5][1], points[-1][1]) if points else (0.0, 0.0)
            growth = self.memory[name].growth()
            change = f"{first:7.1f} → {last:7.1f} MiB, fitted growth {growth:+.1f} (at most {most:g})"
            yield f"memory of the {name:10}  {change}"
        yield f"sandboxes that were replaced: {self.replaced}"
        yield from (f"WRONG: {text}" for text in self.wrong[:20])
        yield from (f"LEFT: {text}" for text in self.left[:20])
        verdict = "" if self.passed else " — FAILED"
        yield (
            f"soak: {self.requests} requests, {len(self.left)} leaked (containers, processes, descriptors, threads, "
            f"files), {len(self.wrong)} wrong, {self.seconds:.0f} s{verdict}"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "leaked": self.left,
            "wrong": self.wrong,
            "replaced_sandboxes": self.replaced,
            "ends": {f"{kind}: {status}": count for (kind, status), count in sorted(self.ends.items())},
            "memory_mib": {
                name: {
                    "growth": round(series.growth(), 2),
                    "at_most": MOST_GROWTH[name],
                    "samples": [[count, round(size, 1)] for count, size in series.points],
                }
                for name, series in self.memory.items()
            },
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        }


class Asker:
    """One session that asks what it is told to."""

    def __init__(self, home: Path, number: int, report: Report) -> None:
        self.session = AnalystSession.open(
            Settings(home=home, memory=768 * MIB, scratch=128 * MIB, model_access="offline", queue_timeout=300.0)
        )
        self._root = home.parent / f"asker-{number}"
        self._root.mkdir()
        self._numbers = itertools.count()
        self._report = report
        self.container = ""

    async def open(self) -> None:
        source = self._root / "trips.csv"
        source.write_text(_DATA)
        await self.session.add(str(source))
        await self._is_right()
        self.container = str(self.session.facts()["container"])

    async def ask(self, kind: Kind) -> None:
        """Ask, and note what does not end as it should."""
        try:
            status = await (self._ingest() if kind.name == "ingest" else self._question(kind))
        except AnalystError as error:
            status = f"{error.status} {error.code}"
        self._report.requests += 1
        self._report.ends[kind.name, status] += 1
        if status not in kind.statuses:
            self._report.wrong.append(f"{kind.name}: {status}")
        if kind.statuses != ("ok",):
            await self._is_right(after=f"{kind.name} ({status})")
        now = self.session.facts().get("container", "")
        self._report.replaced += now != self.container
        self.container = str(now)

    async def _question(self, kind: Kind) -> str:
        question = parse(kind.text, timeout=kind.timeout, max_rows=1_000_000)
        task = asyncio.ensure_future(self.session.ask(question))
        if kind.cancel_after:
            await asyncio.wait({task}, timeout=kind.cancel_after)
            task.cancel()
            await asyncio.wait({task})
            return "cancelled" if task.cancelled() else task.result().status
        return (await task).status

    async def _ingest(self) -> str:
        """A new file in the place of the one before."""
        number = next(self._numbers)
        source = self._root / "changing.csv"
        source.write_text("a,b\n" + "".join(f"{number},{row}\n" for row in range(200)))
        [dataset] = await self.session.add(str(source))
        return "ok" if dataset.rows == 200 else "wrong rows"

    async def _is_right(self, after: str = "the registration") -> None:
        run = await self.session.ask(parse("SQL: SELECT sum(distance) FROM trips"))
        found = None if run.result is None or run.result.table is None else run.result.table.column(0)[0].as_py()
        if found != RIGHT:
            details = "" if run.error is None else run.error.details
            self._report.wrong.append(f"the question after {after}: {run.status} {run.error} {details} {found}")


async def soak(requests: int, sessions: int, seed: int, home: Path, engine: docker.DockerClient) -> Report:
    """Ask; the sessions take turns one by one, so that a sample of the memory is of a machine at rest."""
    report, chance = Report(), random.Random(seed)
    askers = [Asker(home, number, report) for number in range(sessions)]
    weights = [kind.weight for kind in KINDS]
    began = time.monotonic()
    try:
        for asker in askers:
            await asker.open()
        kinds = [kind for kind in KINDS for _ in range(2)] if requests >= 2 * len(KINDS) else []
        kinds += chance.choices(KINDS, weights, k=requests - len(kinds))
        chance.shuffle(kinds)
        while kinds:
            batch = [kinds.pop() for _ in range(min(EVERY, len(kinds)))]
            shares: Sequence[list[Kind]] = [batch[number::sessions] for number in range(sessions)]
            await asyncio.gather(*(_ask_all(asker, share) for asker, share in zip(askers, shares, strict=True)))
            await asyncio.to_thread(_sample, report, engine, [asker.container for asker in askers])
            if sys.stderr.isatty() or report.requests % 1000 == 0:
                print(f"\r{report.requests:,} of {requests:,}", end="", file=sys.stderr, flush=True)
    finally:
        for asker in askers:
            await asker.session.close()
    report.seconds = time.monotonic() - began
    return report


async def _ask_all(asker: Asker, kinds: list[Kind]) -> None:
    for kind in kinds:
        await asker.ask(kind)


def _sample(report: Report, engine: docker.DockerClient, containers: list[str]) -> None:
    gc.collect()
    report.memory["host"].points.append((report.requests, _resident("self")))
    supervisors, charged = [], []
    for container in containers:
        if not container:
            continue
        try:
            state = engine.api.inspect_container(container)["State"]
            memory = engine.api.stats(container, stream=False, one_shot=True)["memory_stats"]
            supervisors.append(_resident(str(state["Pid"])))
        except (docker.errors.APIError, OSError, KeyError):
            continue  # it is being replaced
        cache = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
        charged.append((memory["usage"] - cache) / MIB)
    if charged:
        report.memory["supervisor"].points.append((report.requests, max(supervisors)))
        report.memory["container"].points.append((report.requests, statistics.fmean(charged)))


def _resident(process: str) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def run(requests: int, *, sessions: int = 3, seed: int = 1) -> Report:
    """The whole: warm what a process loads once, ask, close, and look what is left."""
    engine = docker_client.connect()
    with tempfile.TemporaryDirectory(prefix="soak-") as root:
        home, warm = Path(root) / "home", Path(root) / "warm" / "home"
        warm.mkdir(parents=True)
        asyncio.run(soak(2 * len(KINDS), 1, seed, warm, engine))
        gc.collect()
        engine.close()
        before = Traces.now()
        report = asyncio.run(soak(requests, sessions, seed, home, engine))
        gc.collect()
        names = [path.name for path in (home / "sessions").iterdir()]
        report.left = left_behind(before, home, engine, names or ["none"])
    engine.close()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("docs/evidence/soak.json"))
    arguments = parser.parse_args()
    report = run(arguments.requests, sessions=arguments.sessions, seed=arguments.seed)
    arguments.json.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    print("\n".join(report.lines()))
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
