"""``python -m tests.bench``: all of it, in one run.  ``--help`` lists what can be left out."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from csvanalyst_ext.execution import docker_carrier, docker_client, docker_image

from . import cases, memory, moments, report
from .cases import Case
from .measuring import THINK, Row, Turn, interleaved, load, say
from .rivals import DockerExec, DockerRun, LlmSandbox
from .ways import IN_PROCESS, InProcess, Sandbox, Way

RIVALS = (DockerRun, DockerExec, LlmSandbox)
PROVIDERS = "tests.support.providers"
GROUPS = ("questions", "ingest", "moments", "memory")


class Bench:
    """The ways, opened once, and what could not be."""

    def __init__(self, home: Path, scale: float, rivals: bool, gvisor: bool) -> None:
        self.home, self.scale = home, scale
        self.skipped: dict[str, str] = {}
        self.ways: list[Way] = []
        self.sandboxes: list[Sandbox] = []
        self._open = contextlib.ExitStack()
        client = docker_client.connect()
        self._image = docker_image.find(client)
        auto, why = docker_carrier.choose("auto", "", client)
        client.close()
        self.carriers = [("sandbox", auto), *([("sandbox, stream", "stream")] if auto == "local" else [])]
        if auto != "local":
            self.skipped["sandbox, local carrier"] = why
        self._build(rivals, gvisor)

    def _build(self, rivals: bool, gvisor: bool) -> None:
        for name, carrier in self.carriers:
            self._sandbox(Sandbox(name, moments.settings_of(carrier), self.home / "home"))
        if gvisor:
            self._gvisor()
        first = self.sandboxes[0]
        large = cases.write_large(self.home / "large.parquet")
        files = {}
        for sandbox in self.sandboxes:
            files = {name: sandbox.add(name) for name in ("flights", "planes")}
            files["large"] = sandbox.add(str(large), "large")
            frame = pd.read_parquet(files["flights"])
            files["frame"] = sandbox.add("frame", variables={"frame": frame})
        data = cases.linked(files, self.home / "data")
        self.large = data["large"]
        self.csv = self.home / "csv"
        self.csv.mkdir(mode=0o755)
        for path in (self.home, self.csv):
            path.chmod(0o755)  # other users in the containers read here
        self.ways = [self._closed(InProcess(data)), *self.sandboxes]
        say(f"  image {self._image}, {first.facts().get('carrier')} carrier")
        for kind in RIVALS if rivals else ():
            try:
                self.ways.append(self._closed(kind(self._image, self.home / "data", self.csv)))
            except ImportError as error:
                self.skipped[kind.name] = f"{error}; `make bench` installs it where it can"
        if not rivals:
            self.skipped |= {kind.name: "--ours" for kind in RIVALS}

    def _gvisor(self) -> None:
        """The same sandbox with gVisor, where the suites' providers know how to start it."""
        if find_spec(PROVIDERS) is None:
            self.skipped["sandbox, gVisor"] = "no provider of the test suites starts it"
            return
        from tests.support import providers

        for provider in providers.known():
            if provider.name == "docker-runc":
                continue
            name = "sandbox, gVisor" if provider.name == "docker-gvisor" else f"sandbox, {provider.name}"
            try:
                self._open.enter_context(providers.running(provider))
            except providers.CannotRun as error:
                self.skipped[name] = str(error)
                continue
            settings = provider.configure(moments.settings_of("auto"))
            self._sandbox(Sandbox(name, settings, self.home / "home", runs=0.25))

    def _sandbox(self, sandbox: Sandbox) -> None:
        self.sandboxes.append(self._closed(sandbox))

    def _closed(self, way: Way) -> Way:
        self._open.callback(way.close)
        return way

    def close(self) -> None:
        self._open.close()

    # --- what is measured -----------------------------------------------------------------------

    def questions(self) -> Iterator[Row]:
        for case in cases.CASES:
            yield from self._question(case)

    def _question(self, case: Case) -> list[Row]:
        chosen = [way for way in self.ways if not case.ours_only or way.name == IN_PROCESS or way in self.sandboxes]
        if case.whole:
            chosen = list(self.sandboxes)
        turns = [
            Turn(way.name, lambda way=way: way.ask(case), self._runs(case.runs * way.runs))  # type: ignore[misc]
            for way in chosen
        ]
        return interleaved(case.name, turns, THINK if case.pause is None else case.pause)

    def _runs(self, runs: float) -> int:
        return max(3 if self.scale >= 1 else 1, round(runs * self.scale))

    def ingest(self, size: int) -> Iterator[Row]:
        source = self.csv / "source.csv"
        real = cases.write_csv(source, size)
        turns = [Turn(way.name, lambda way=way: way.ingest(source), self._runs(5)) for way in self.ways]  # type: ignore[misc]
        name = f"{report.INGEST} of {real / 1e6:,.0f} MB"
        yield from interleaved(name, turns, before=lambda: cases.append_row(source))
        source.unlink()

    def moments(self) -> Iterator[Row]:
        turns = [
            Turn(s.name, lambda s=s: moments.cold_start(s.name, s.settings, self.home / "cold"), self._runs(5))  # type: ignore[misc]
            for s in self.sandboxes
        ]
        for way in self.ways:
            if isinstance(way, LlmSandbox):
                turns.append(Turn(way.name, lambda way=way: way.cold(cases.SELECT_1), 3))  # type: ignore[misc]
            elif type(way) is DockerRun:
                turns.append(Turn(way.name, lambda way=way: way.ask(cases.SELECT_1), 3))  # type: ignore[misc]
        yield from interleaved(moments.COLD, turns)
        yield from moments.load_ext(self._runs(7))
        say(f"  {moments.LOAD}")
        yield from moments.first_questions(self.home / "kernels", self.carriers, self._runs(5))
        say(f"  {moments.FIRST}")
        for sandbox in self.sandboxes:
            yield from moments.refill(sandbox, self._runs(10))
        say(f"  {moments.REFILL}")

    def memory(self) -> Iterator[Row]:
        ways = [(IN_PROCESS, IN_PROCESS), *self.carriers]
        found = [memory.rows(name, way, self.home / "home", self.large, 3) for name, way in ways]
        for kind in (memory.ARROW, memory.FRAME):
            yield from (one for rows in found for one in rows if one.case == kind)
        say(f"  {memory.ARROW}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="ingest 1 GB instead of 100 MB")
    parser.add_argument("--scale", type=float, default=1.0, help="how many repetitions, as a multiple of the usual")
    parser.add_argument("--ours", action="store_true", help="leave the other sandboxes out")
    parser.add_argument("--no-gvisor", action="store_true", help="leave gVisor out, which takes a second engine")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="these groups of measurements")
    parser.add_argument("--out", type=Path, default=report.EVIDENCE, help="where the JSON goes")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that containers are removed then too
    start = load()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), chosen.scale, not chosen.ours, not chosen.no_gvisor)
        try:
            if "questions" in chosen.only:
                rows += bench.questions()
            if "ingest" in chosen.only:
                rows += bench.ingest(10**9 if chosen.full else 10**8)
            if "moments" in chosen.only:
                rows += bench.moments()
            if "memory" in chosen.only:
                rows += bench.memory()
        finally:
            bench.close()
    facts = {"load": {"start": start, "end": load()}, "scale": chosen.scale}
    print(report.table(rows))
    for way, why in bench.skipped.items():
        print(f"\nskipped: {way}: {why}")
    print(f"\nload averages: {facts['load']['start']} at the start, {facts['load']['end']} at the end")
    report.write(report.document(rows, bench.skipped, facts), chosen.out)


if __name__ == "__main__":
    main()
