"""``csvanalyst describe``, ``preview``, ``replay`` and ``export``: what data mean, what would be sent, and runs that
were kept.

Runs on the host.  Standard output is the page or the JSON object and nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import config, terminal
from ..analyst import Analyst
from ..errors import UsageError
from . import ingest_options
from .ingest_options import AS_IT_IS, Ingest
from .progress import NoProgress, for_terminal


def add_parsers(commands: Any) -> None:
    """Add the commands to the parser of ``csvanalyst``."""
    describe = commands.add_parser("describe", help="show what data mean, or write a data dictionary to start from")
    describe.add_argument("file", metavar="FILE", help="the data: a file or shipped data")
    describe.add_argument("--data", nargs="+", default=[], metavar="FILE", help="other data that it may refer to")
    ingest_options.declare(describe)
    describe.add_argument("--yaml", action="store_true", help="print a dictionary to start from")
    describe.add_argument("--write", type=Path, metavar="FILE", help="write that dictionary to a file")
    describe.add_argument("--overwrite", action="store_true", help="with --write: replace the file")
    describe.set_defaults(run=_describe)

    preview = commands.add_parser("preview", help="show the first request that a question would send; send nothing")
    preview.add_argument("--data", nargs="+", action="append", default=[], metavar="FILE", help="as for ask")
    preview.add_argument("--model", help="the model (LiteLLM's name)")
    ingest_options.declare(preview)
    preview.add_argument("--json", action="store_true", help="print one JSON object")
    preview.add_argument("question", nargs="?", help="the question, in quotes")
    preview.set_defaults(run=_preview)

    replay = commands.add_parser("replay", help="run the code of a kept run again, without a model, and compare")
    replay.add_argument("--data", nargs="+", action="append", default=[], metavar="FILE", help="where its data are now")
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    replay.add_argument("id", metavar="ID", nargs="?", help="its id, the start of it, last, or an exported .zip")
    replay.set_defaults(run=_replay)

    export = commands.add_parser("export", help="write a kept run with its results as one .zip file")
    export.add_argument("id", metavar="ID", help="its id, the start of it, or last")
    export.add_argument("file", metavar="FILE.zip", type=Path, help="the file to write")
    export.set_defaults(run=_export)


def _describe(arguments: argparse.Namespace) -> int:
    from ..session import described, dictionaries
    from ..views import meaning

    analyst = Analyst(config.resolve())
    try:
        _add(analyst, arguments.data, quiet=False)
        ingest = ingest_options.read(arguments, (arguments.file,))
        added = analyst.add(arguments.file, cwd=Path.cwd(), **ingest.arguments())
        for dataset in added:
            found = analyst.describe(dataset.name)
            if arguments.write is not None and len(added) > 1:
                message = f"{arguments.file!r} stands for {len(added)} tables, and --write describes one."
                raise UsageError("bad_option", message, "Describe them one by one.")
            if arguments.write is not None:
                text = described.dictionary_text(found)
                dictionaries.write(arguments.write, text, overwrite=arguments.overwrite)
                _show(str(arguments.write))
            elif arguments.yaml:
                _show(described.dictionary_text(found).rstrip())
            else:
                _show(str(meaning.meaning(found, analyst.session.policies[dataset.name])))
    finally:
        analyst.close()
    return 0


def _preview(arguments: argparse.Namespace) -> int:
    from ..session.question import parse
    from ..views import boundary

    sources, text = _sources(arguments.data, arguments.question)
    question = parse(text or "", model=arguments.model)
    ingest = ingest_options.read(arguments, sources)
    settings = config.resolve()
    analyst = Analyst(replace(settings, default_policy=arguments.policy or settings.default_policy))
    try:
        _add(analyst, sources, ingest, quiet=arguments.json)
        found = analyst.preview(question)
    finally:
        analyst.close()
    _show(found.to_json() if arguments.json else str(boundary.preview(found)))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from ..views import boundary

    sources, which = _sources(arguments.data, arguments.id)
    analyst = Analyst(config.resolve())
    progress = NoProgress() if arguments.json else for_terminal(sys.stderr)
    try:
        _add(analyst, sources, quiet=arguments.json)
        done = analyst.replay(which or "last", progress)
    finally:
        progress.end()
        analyst.close()
    _show(done.to_json() if arguments.json else str(boundary.replay(done)))
    return 0 if done.verdict == "same" else 1


def _export(arguments: argparse.Namespace) -> int:
    analyst = Analyst(config.resolve())
    try:
        terminal.write(str(analyst.export(arguments.id, arguments.file)))
    finally:
        analyst.close()
    return 0


def _sources(groups: list[list[str]], last: str | None) -> tuple[list[str], str | None]:
    """``--data FILE "question"``: argparse takes both for files."""
    sources = [source for group in groups for source in group]
    if last is None and len(sources) > 1:
        return sources[:-1], sources[-1]
    return sources, last


def _add(analyst: Analyst, sources: list[str], ingest: Ingest = AS_IT_IS, *, quiet: bool) -> None:
    progress = NoProgress() if quiet else for_terminal(sys.stderr)
    try:
        for source in sources:
            analyst.add(source, cwd=Path.cwd(), watcher=progress, **ingest.arguments())
    finally:
        progress.end()


def _show(found: Mapping[str, Any] | str) -> None:
    from ..rendering.text import json_line

    if isinstance(found, str):
        terminal.write(found)
        return
    sys.stdout.write(json_line(found) + "\n")
    sys.stdout.flush()
