"""Runs many cases in worker processes and sums up: a crash or a hang costs one case, and names it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import cases

SILENCE = 60.0
"""Seconds without a word after which a worker hangs."""
CHUNK = 5000
"""Cases after which a worker is replaced, so that what one of them leaves behind is seen as growth."""
GROWTH = 96 * 2**20
"""Bytes by which a worker may have grown at the end."""


@dataclass(slots=True)
class OfKind:
    cases: int = 0
    words: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    hangs: int = 0
    faults: int = 0
    peak: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Summary:
    """``failures`` name the cases: what, and what happened."""

    seed: int
    kinds: dict[str, OfKind] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    growth: int = 0
    seconds: float = 0.0

    def total(self, what: str) -> int:
        return sum(getattr(kind, what) for kind in self.kinds.values())

    @property
    def clean(self) -> bool:
        return not self.failures


def run(
    seed: int,
    count: int,
    *,
    workers: int = 2,
    kind: str = "",
    first: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Summary:
    """Run the cases ``first`` to ``first + count`` of ``seed``."""
    summary = Summary(seed)
    started = time.monotonic()
    todo: queue.Queue[range] = queue.Queue()
    size = max(1, min(CHUNK, -(-count // workers)))
    for start in range(first, first + count, size):
        todo.put(range(start, min(start + size, first + count)))
    lock = threading.Lock()

    def serve() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                _chunk(summary, lock, todo.get_nowait(), kind)
                if tell:
                    tell(f"{summary.total('cases')} of {count} cases, {len(summary.failures)} failures")

    threads = [threading.Thread(target=serve) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary.seconds = time.monotonic() - started
    return summary


def _chunk(summary: Summary, lock: threading.Lock, numbers: range, kind: str) -> None:
    """Run ``numbers``, in as many processes as it takes."""
    while numbers:
        stopped = _process(summary, lock, numbers, kind)
        if stopped is None:
            return
        numbers = range(stopped + 1, numbers.stop)


def _process(summary: Summary, lock: threading.Lock, numbers: range, kind: str) -> int | None:
    """Run ``numbers`` in one process; the number of the case that ended it, if one did."""
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "tests.fuzz", "--seed", str(summary.seed), "--kind", kind]
        command += ["--worker", str(numbers.start), str(numbers.stop)]
        # An allocator that gives memory back at once: growth is then what is held, not what was.
        environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, cwd=Path(__file__).parents[2], env=environment
        )
        current = None
        hung = False
        for told in _lines(process):
            if told is None:
                hung = True
                process.send_signal(signal.SIGABRT)  # faulthandler writes where it hangs
                process.kill()
                break
            if "case" in told:
                current = told["case"]
            elif "done" in told:
                with lock:
                    _count(summary, told)
                current = None
            elif "end" in told:
                with lock:
                    summary.growth = max(summary.growth, told["rss"] - told["base"])
                    if told["arrow"] > 0 or told["rss"] - told["base"] > GROWTH:
                        what = f"a process kept {told['rss'] - told['base']} bytes, {told['arrow']} of them Arrow's"
                        summary.failures.append({"case": numbers.start, "what": what})
                process.wait()
                return None
        code = process.wait()
        errors.seek(0)
        trace = errors.read()[-4000:].decode(errors="replace")
    if current is None:
        raise RuntimeError(f"a worker ended with {code} without a case: {trace}")
    name = cases.kind_of(summary.seed, current, kind)
    with lock:
        found = summary.kinds.setdefault(name, OfKind())
        found.cases += 1
        if hung:
            found.hangs += 1
        else:
            found.crashes += 1
        what = "hang" if hung else f"crash {code}"
        summary.failures.append({"case": current, "kind": name, "what": what, "trace": trace})
    return current


def _count(summary: Summary, told: dict[str, Any]) -> None:
    found = summary.kinds.setdefault(told["kind"], OfKind())
    found.cases += 1
    found.words[told["word"]] += 1
    found.peak = max(found.peak, told["peak"])
    found.seconds += told["seconds"]
    what = [told["fault"]] if told["fault"] else []
    what += told["uncaught"]
    if what:
        found.hangs += told["word"] == "slow"
        found.faults += told["word"] != "slow"
        summary.failures.append({"case": told["done"], "kind": told["kind"], "what": "; ".join(what)})


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any] | None]:
    """What the worker tells; ``None`` when it has been silent for too long."""
    told: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            told.put(line)
        told.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = told.get(timeout=SILENCE)
        except queue.Empty:
            yield None
            return
        if not line:
            return
        yield json.loads(line)
