"""``csvanalyst eval``: ask a suite of questions and show how many were answered rightly.

Runs on the host.  The table goes to standard output, progress to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from .. import config, terminal
from ..analyst import Analyst
from ..errors import Cancelled, StorageError, UsageError
from . import report, runner, suite
from .tally import Attempt

_MOST_REPEATS: Final = 100
_CANCELLED: Final = 130


def options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--model", help="the model to ask (LiteLLM's name); the default is the configured one")
    parser.add_argument(
        "--suite", default=suite.SHIPPED, metavar="S", help="shipped (default), core (50 of them), or a TOML file"
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="K", help="ask each question K times, for pass^k")
    parser.add_argument("--limit", type=int, metavar="N", help="only N questions, taken from all kinds in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON; - writes only that")
    parser.set_defaults(run=main)


def main(arguments: argparse.Namespace) -> int:
    """Run it; the exit code.  A run that was stopped still shows what it found.  Raises ``AnalystError``."""
    if not 1 <= arguments.repeat <= _MOST_REPEATS:
        raise UsageError("bad_option", f"--repeat takes a whole number, 1 to {_MOST_REPEATS}.")
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError("bad_option", "--limit takes a whole number above 0.")
    items = suite.narrowed(suite.load(arguments.suite), arguments.limit)
    settings = config.resolve()
    analyst = Analyst(settings)
    done: list[Attempt] = []
    stopped = False
    try:
        analyst.session.warm_model(arguments.model)
        for attempt in runner.attempts(analyst, items, model=arguments.model, repeat=arguments.repeat):
            done.append(attempt)
            _progress(attempt, len(done), len(items) * arguments.repeat)
    except (Cancelled, KeyboardInterrupt):
        stopped = True
    finally:
        analyst.close()
    asked = {
        "suite": arguments.suite,
        "model": arguments.model or settings.model,
        "questions": len(items),
        "repeat": arguments.repeat,
        "complete": not stopped,
    }
    _show(done, asked, arguments.json)
    return _CANCELLED if stopped else 0


def _progress(attempt: Attempt, number: int, of: int) -> None:
    terminal.write(f"{number:>4}/{of}  {attempt.verdict:<6} {attempt.seconds:6.1f} s  {attempt.id}", sys.stderr)


def _show(done: list[Attempt], asked: dict[str, Any], file: Path | None) -> None:
    if file is None or str(file) != "-":
        parts = [f"suite {asked['suite']}, model {asked['model']}, {asked['questions']} questions x {asked['repeat']}"]
        if not asked["complete"]:
            parts.append(f"stopped after {len(done)} answers")
        if done:
            parts += ["", report.table(done), "", report.summary(done, asked["repeat"])]
        terminal.write("\n".join(parts))
    if file is None:
        return
    text = json.dumps({**asked, **report.to_json(done, asked["repeat"])}, ensure_ascii=False, indent=2)
    if str(file) == "-":
        terminal.write(text)
        return
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError("not_written", f"{str(file)!r} cannot be written: {error.strerror}.") from error
