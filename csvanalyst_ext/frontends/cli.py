"""``csvanalyst``: the door for shells and programs.

Runs on the host.  What it writes to standard output is the answer and nothing else; messages go to
standard error.  Exit codes: see ``EXIT``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from .. import config, terminal
from ..analyst import Analyst
from ..errors import AnalystError, Cancelled, DataError, SandboxError, UsageError
from ..evaluation import command
from . import cli_runs, ingest_options
from .ingest_options import Ingest
from .progress import NoProgress, Progress, for_terminal

if TYPE_CHECKING:
    from ..answer import Answer
    from ..session.question import Question

EXIT: Final[Mapping[str, int]] = {
    "ok": 0,
    "failed": 1,
    "usage": 2,
    "sandbox": 3,
    "clarify": 4,
    "refused": 5,
    "cancelled": 130,
}
_EXIT_TEXT: Final = """exit codes:
  0 answered    1 failed (error, timeout, memory, crashed)    2 wrong command, option or data
  3 no sandbox    4 not understood, nothing answered    5 refused by a gate    130 stopped"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["image"]:
        from ..execution import docker_image

        return docker_image.main(words[1:])
    arguments = _parser().parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except AnalystError as error:
        _complain(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return EXIT["cancelled"]
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; nothing is left to say
        return EXIT["failed"]
    except Exception:
        terminal.unforeseen()
        return EXIT["failed"]
    return code


def exit_code(error: AnalystError | None) -> int:
    if error is None:
        return EXIT["ok"]
    if isinstance(error, UsageError | DataError):
        return EXIT["usage"]
    if isinstance(error, SandboxError):
        return EXIT["sandbox"]
    return EXIT.get(error.status, EXIT["failed"])


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    about = "Questions about data files, answered by SQL and Python in a sealed sandbox."
    parser = terminal.Parser(prog="csvanalyst", description=about, epilog=_EXIT_TEXT, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"csvanalyst {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", help="answer one question", epilog=_EXIT_TEXT, formatter_class=raw)
    ask.add_argument(
        "--data", nargs="+", action="append", default=[], metavar="FILE", help="files, patterns, shipped data"
    )
    ask.add_argument("--mode", choices=("auto", "sql", "python", "plan"), help="run the text as SQL, Python or a plan")
    ask.add_argument("--model", help="the model to ask (LiteLLM's name)")
    ingest_options.declare(ask)
    ask.add_argument("--max-rows", type=int, metavar="N", help="cut the result at N rows")
    ask.add_argument("--timeout", type=float, metavar="S", help="seconds for one SQL or Python step")
    ask.add_argument("--max-steps", type=int, metavar="N", help="at most N calls of the model")
    ask.add_argument("--max-cost", type=float, metavar="USD", help="at most so many US dollars for the model")
    ask.add_argument("--no-ask", action="store_true", help="the model assumes what it would ask, and says so")
    ask.add_argument("--dry-run", action="store_true", help="show what would be sent and run; do neither")
    ask.add_argument("--json", action="store_true", help="print one JSON object")
    ask.add_argument("--out", type=Path, metavar="FILE", help="also write the result (.csv, .xlsx, .parquet)")
    ask.add_argument(
        "--keep-formulas", action="store_true", help="write text that looks like a formula as it is (trusted data only)"
    )
    ask.add_argument("question", nargs="?", help="plain words, SQL: … or PYTHON: …; - reads it from standard input")
    ask.set_defaults(run=_ask)

    batch = commands.add_parser("batch", help="answer a file of questions, one JSON object a line")
    batch.add_argument(
        "file", metavar="FILE.jsonl", help="lines {id, data[], question, mode?, model?}; - is standard input"
    )
    ingest_options.declare(batch, one=False)
    batch.add_argument("--max-rows", type=int, metavar="N", help="cut each result at N rows")
    batch.add_argument("--timeout", type=float, metavar="S", help="seconds for one SQL or Python step")
    batch.add_argument("--max-steps", type=int, metavar="N", help="at most N calls of the model for each line")
    batch.add_argument("--max-cost", type=float, metavar="USD", help="at most so many US dollars for each line")
    batch.add_argument("--no-ask", action="store_true", help="the model assumes what it would ask, and says so")
    batch.set_defaults(run=_batch)

    command.options(commands.add_parser("eval", help="score a model on a suite of questions with known answers"))
    cli_runs.add_parsers(commands)

    doctor = commands.add_parser("doctor", help="check everything that a sandbox needs")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)

    commands.add_parser("image", help="build, show or remove the image that questions run in", add_help=False)
    return parser


def _version() -> str:
    try:
        return metadata.version("csvanalyst")
    except metadata.PackageNotFoundError:
        from .. import __version__

        return __version__


def _settings(policy: str | None) -> config.Settings:
    settings = config.resolve()
    return settings if policy is None else replace(settings, default_policy=policy)


# --- ask ------------------------------------------------------------------------------------------


def _ask(arguments: argparse.Namespace) -> int:
    from ..session.question import parse

    sources = [source for group in arguments.data for source in group]
    text = arguments.question
    if text is None and len(sources) > 1:
        text = sources.pop()  # `--data FILE "question"`: argparse takes both for files
    analyst = Analyst(_settings(arguments.policy))
    progress = NoProgress() if arguments.json else for_terminal(sys.stderr)
    try:
        if text is None:
            raise UsageError("empty_question", "There is no question.", "Write it at the end, in quotes.")
        ingest = ingest_options.read(arguments, sources)
        question = parse(
            sys.stdin.read() if text == "-" else text,
            mode=arguments.mode,
            model=arguments.model,
            max_rows=arguments.max_rows,
            timeout=arguments.timeout,
            max_steps=arguments.max_steps,
            max_cost=arguments.max_cost,
            may_ask=not arguments.no_ask,
        )
        if arguments.dry_run:
            _show_draft(analyst, sources, ingest, question, progress, as_json=arguments.json)
            return EXIT["ok"]
        if arguments.out is not None:
            from ..rendering import export

            export.check(arguments.out)
        answer = _answer(analyst, sources, ingest, question, progress)
        if arguments.out is not None and answer.error is None:
            export.write(answer.arrow(), arguments.out, keep_formulas=arguments.keep_formulas)
    except AnalystError as error:
        if not arguments.json:
            raise
        _write(failure(error))
        return exit_code(error)
    finally:
        analyst.close()
    if arguments.json:
        _write(answer.json())
    elif answer.error is None:
        terminal.write(str(answer))
    else:
        if answer.text or answer.stdout:
            terminal.write(str(answer))
        _complain(answer.error)
    return exit_code(answer.error)


def _answer(analyst: Analyst, sources: list[str], ingest: Ingest, question: Question, progress: Progress) -> Answer:
    """The answer over exactly these sources."""
    if question.mode == "auto":
        analyst.session.warm_model(question.model)  # it loads while the data is read
    try:
        for source in sources:
            analyst.add(source, cwd=Path.cwd(), watcher=progress, **ingest.arguments())
        return analyst.ask(question, progress)
    finally:
        progress.end()


def _show_draft(
    analyst: Analyst, sources: list[str], ingest: Ingest, question: Question, progress: Progress, *, as_json: bool
) -> None:
    from ..views import pages

    try:
        for source in sources:
            analyst.add(source, cwd=Path.cwd(), watcher=progress, **ingest.arguments())
    finally:
        progress.end()
    draft = analyst.draft(question)
    if as_json:
        _write(draft.json())
    else:
        terminal.write(str(pages.draft(draft)))


# --- batch ----------------------------------------------------------------------------------------


def _batch(arguments: argparse.Namespace) -> int:
    analyst = Analyst(_settings(arguments.policy))
    options = {name: getattr(arguments, name) for name in ("max_rows", "timeout", "max_steps", "max_cost")}
    options["may_ask"] = not arguments.no_ask
    try:
        ingest = ingest_options.read(arguments, ())
        with _lines(arguments.file) as lines:
            for line in lines:
                if not line.strip():
                    continue
                given = _batch_line(analyst, line, ingest, options)
                _write(given)
                if given["status"] == Cancelled.status:
                    return EXIT["cancelled"]
    finally:
        analyst.close()
    return EXIT["ok"]


def _lines(name: str) -> TextIO:
    if name == "-":
        return open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False)
    try:
        return Path(name).open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            "no_batch", f"{name!r} cannot be read: {error.strerror}.", "- reads standard input."
        ) from error


def _batch_line(analyst: Analyst, line: str, ingest: Ingest, options: Mapping[str, Any]) -> dict[str, Any]:
    """The output object of one input line."""
    from ..session.question import parse

    identity: Any = None
    try:
        asked = _object(line)
        identity = asked.get("id")
        _check(asked)
        question = parse(asked["question"], mode=asked.get("mode"), model=asked.get("model"), alone=True, **options)
        # Each line sees its own data under its own names; data that came before is still warm in the cache.
        analyst.forget()
        return {"id": identity, **_answer(analyst, asked["data"], ingest, question, NoProgress()).json()}
    except AnalystError as error:
        return {"id": identity, **failure(error)}


_FORM: Final = 'Each line is an object: {"id": 1, "data": ["a.csv"], "question": "How many rows?"}.'


def _object(line: str) -> dict[str, Any]:
    """Raises ``UsageError`` (``bad_line``)."""
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError("bad_line", "The line is not JSON.", _FORM) from error
    if not isinstance(asked, dict):
        raise UsageError("bad_line", "The line is not a JSON object.", _FORM)
    return {"data": [], **asked}


def _check(asked: Mapping[str, Any]) -> None:
    """Raises ``UsageError`` (``bad_line``)."""
    data = asked["data"]
    wrong = [key for key in ("mode", "model") if not isinstance(asked.get(key), str | None)]
    if not isinstance(asked.get("question"), str):
        wrong.append("question")
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        wrong.append("data")
    if wrong:
        raise UsageError("bad_line", f"{wrong[0]!r} is missing or of the wrong type.", _FORM)


def failure(error: AnalystError) -> dict[str, Any]:
    """The JSON object of a question that never became a run."""
    return {
        "status": error.status,
        "answer": "",
        "numbers": [],
        "columns": [],
        "rows": [],
        "row_count": 0,
        "truncated": False,
        "sql": None,
        "code": None,
        "plan": None,
        "stdout": "",
        "steps": [],
        "usage": {"model_calls": 0, "prompt_tokens": None, "completion_tokens": None, "cost": None},
        "notes": [],
        "chart": None,
        "error": {"code": error.code, "message": error.message, "hint": error.hint},
        "timings": {},
        "capsule": None,
    }


# --- doctor ---------------------------------------------------------------------------------------


def _doctor(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ..execution.docker_doctor import examine
    from ..views import pages

    findings = examine(config.resolve())
    ready = all(finding.level != "bad" for finding in findings)
    if arguments.json:
        _write({"ready": ready, "findings": [asdict(finding) for finding in findings]})
    else:
        terminal.write(str(pages.doctor(findings)))
    return EXIT["ok"] if ready else EXIT["sandbox"]


def _write(value: Mapping[str, Any]) -> None:
    from ..rendering.text import json_line

    sys.stdout.write(json_line(value) + "\n")
    sys.stdout.flush()


def _complain(error: AnalystError) -> None:
    terminal.write("\n".join(error._render_traceback_()), sys.stderr)
