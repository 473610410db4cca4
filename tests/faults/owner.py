"""``python -m tests.faults.owner HOME SOURCE [WHAT]``: a session in a process of its own, for tests that end it.

``add`` registers the file, answers a question about it and exits; ``endless`` says when a question that does
not end runs, and waits for its end; ``one`` waits for a line, then does as ``add`` and says how long it took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from csvanalyst_ext.config import Settings
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.session import AnalystSession

from .stage import SMALL, value_of


async def main(home: Path, source: str, what: str) -> None:
    if what == "one":
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()
    session = AnalystSession.open(Settings(home=home, **{**SMALL, "queue_timeout": 300.0, "start_timeout": 120.0}))
    try:
        await session.add(source)
        run = await session.ask(parse("SQL: SELECT sum(distance) FROM trips"))
        seconds = time.monotonic() - began
        print(f"{value_of(run.raise_for_status())} {began:.3f} {seconds:.3f}", flush=True)
        if what == "endless":
            endless = asyncio.ensure_future(session.ask(parse("PYTHON: while True: pass", timeout=600)))
            await asyncio.wait({endless}, timeout=1.0)
            print("endless", flush=True)
            await endless
    finally:
        await session.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "add"))
