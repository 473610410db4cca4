"""Runs a range of cases in this process and tells about each on standard output, one JSON object a line.

A case is named before it is run, so that whoever reads knows which one ended the process.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import gc
import json
import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from . import arrow_cases, cases, judge, play

ADDRESS_SPACE = 6 * 2**30
"""Bytes after which the process gets no more memory: a case that needs more is a fault."""
OPEN_FILES = 512
SLOW = {"flood": 45.0}
"""Seconds of processor time after which a case counts as hanging: a flood is 256 MiB of the smallest frames."""
SLOW_OTHERS = 10.0
_STATUS = Path("/proc/self/status")
_DESCRIPTORS = Path("/proc/self/fd")
MOST = {"flood": 160 * 2**20, "lies": 160 * 2**20, "socket: frames": 160 * 2**20, "arrow: bombs": 64 * 2**20}
"""Bytes by which the process may grow during one case, pictures' allowance included; ``MOST_OTHERS`` for others."""
MOST_OTHERS = 48 * 2**20


def work(seed: int, first: int, last: int, kind: str) -> None:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    unraised: list[str] = []
    threading.excepthook = lambda arguments: unraised.append(repr(arguments.exc_value)[:300])
    loop = play.Loop()
    asyncio.set_event_loop(loop)
    _warm(loop)
    _give_back()
    descriptors, base, arrow = _descriptors(), _status("VmRSS"), pa.total_allocated_bytes()
    for number in range(first, last):
        _tell(case=number)
        if os.environ.get("CSVANALYST_FUZZ_CRASH") == str(number):  # how the crash of a library would look
            os.kill(os.getpid(), signal.SIGSEGV)
        if os.environ.get("CSVANALYST_FUZZ_HANG") == str(number):
            threading.Event().wait()
        found = _one(loop, seed, number, kind, number)
        found["uncaught"] = [*loop.uncaught, *unraised]
        loop.uncaught.clear()
        unraised.clear()
        if (now := _descriptors()) != descriptors:
            found["uncaught"].append(f"{now - descriptors} descriptors were left open")
            descriptors = now
        _tell(done=number, **found)
    _give_back()
    _tell(end=True, base=base, rss=_status("VmRSS"), arrow=pa.total_allocated_bytes() - arrow)


def _give_back() -> None:
    """What is free goes back to the system: what remains is held."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def _warm(loop: play.Loop) -> None:
    """Imports, threads, samples: what comes once must not be taken for growth."""
    arrow_cases.warm()
    for number in range(200):
        _tell(warming=number)
        _one(loop, 0, number, "", 0)


def _one(loop: play.Loop, seed: int, number: int, kind: str, salt: int) -> dict[str, Any]:
    script = cases.script_of(seed, number, kind)
    before = _status("VmRSS")
    _reset_peak()
    clock, processor = time.perf_counter(), time.process_time()
    fault = ""
    try:
        played = loop.run_until_complete(play.play(script))
        peak = _status("VmHWM") - before
        word = judge.judge(script, played, thorough=salt % 20 == 0)
    except judge.Fault as error:
        word, fault, peak = "fault", str(error), _status("VmHWM") - before
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        word, fault, peak = "fault", f"{type(error).__name__}: {error}", _status("VmHWM") - before
    used = time.process_time() - processor
    if not fault and used > SLOW.get(script.kind, SLOW_OTHERS):
        word, fault = "slow", f"{used:.1f} s of processor time"
    if not fault and peak > MOST.get(script.kind, MOST_OTHERS):
        word, fault = "memory", f"grew by {peak / 2**20:.0f} MiB"
    return {
        "kind": script.kind, "word": word, "fault": fault[:500], "peak": peak, "seconds": time.perf_counter() - clock,
    }  # fmt: skip


def _tell(**facts: Any) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


def _status(key: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _descriptors() -> int:
    return len(list(_DESCRIPTORS.iterdir()))
