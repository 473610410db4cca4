"""The words of ``%analyst`` and ``%%analyst``, read with argparse.

Runs on the host; pure.  A mistake is a ``UsageError``, never an exit; ``-h`` is an answer, not an
action.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ..errors import UsageError
from . import ingest_options

_MODES: Final = ("auto", "sql", "python", "plan")
_KINDS: Final = ("pandas", "polars", "arrow")


class HelpWanted(Exception):
    """``-h`` was given; the text to show."""


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises."""

    def __init__(self, **options: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(add_help=False, allow_abbrev=False, exit_on_error=False, formatter_class=formatter, **options)
        self.add_argument("-h", "--help", action="store_true", help="show this and do nothing else")

    def error(self, message: str) -> NoReturn:
        raise UsageError("bad_option", f"{self.prog}: {message}.", f"`{self.prog} -h` lists the options.")


def split(line: str) -> list[str]:
    """The words of a line.  Raises ``UsageError`` (``open_quote``)."""
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(
            "open_quote",
            "A quote on the line is not closed.",
            "Close it; an apostrophe inside a word needs double quotes around the word.",
        ) from None


def read(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Raises ``UsageError``, or ``HelpWanted``."""
    if any(word in ("-h", "--help") for word in words):
        raise HelpWanted(parser.format_help().rstrip())
    try:
        return parser.parse_args(list(words))
    except argparse.ArgumentError as error:
        parser.error(str(error))


# --- {{name}} -----------------------------------------------------------------------------------

_REFERENCE: Final = re.compile(r"\{\{\{\{\s*(\w+)\s*\}\}\}\}|\{\{\s*([^\W\d]\w*)\s*\}\}")


def expand(text: str, variables: Mapping[str, Any]) -> str:
    """``text`` with every ``{{name}}`` replaced by ``str`` of that variable.

    The name is looked up and nothing is evaluated; single braces, ``$`` and everything else stay.
    ``{{{{name}}}}`` is the text ``{{name}}``.  Raises ``UsageError`` (``unknown_variable``).
    """

    def value(found: re.Match[str]) -> str:
        if found[1]:
            return "{{" + found[1] + "}}"
        name = found[2]
        if name not in variables:
            hint = f"Define it first; for the text itself write {{{{{{{{{name}}}}}}}}}."
            raise UsageError("unknown_variable", f"There is no variable {name!r} for {{{{{name}}}}}.", hint)
        return str(variables[name])

    return _REFERENCE.sub(value, text)


# --- %%analyst ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """The options of a question."""

    out: str | None
    model: str | None
    mode: str | None
    datasets: tuple[str, ...] | None
    max_rows: int | None
    timeout: float | None
    kind: str
    quiet: bool
    max_steps: int | None
    max_cost: float | None
    may_ask: bool
    dry_run: bool


def ask_parser(prog: str = "%%analyst") -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="Answer the question in the cell below this line.",
        epilog=(
            "The cell is plain words, or starts with SQL:, PYTHON: or PLAN: to run just that.\n"
            "{{name}} in the cell is replaced by str() of that variable of the notebook."
        ),
    )
    parser.add_argument("-o", "--out", metavar="NAME", help="bind the result to this variable")
    parser.add_argument("-m", "--model", help="the model to ask, this time")
    parser.add_argument("--mode", choices=_MODES, help="auto asks the model; sql, python and plan run the cell")
    parser.add_argument("-d", "--data", nargs="+", metavar="NAME", help="only these data sets")
    parser.add_argument("--max-rows", type=int, metavar="N", help="cut the result at N rows")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds for one SQL or Python step")
    parser.add_argument("--max-steps", type=int, metavar="N", help="at most N calls of the model")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="at most so many US dollars for the model")
    parser.add_argument("--no-ask", action="store_true", help="the model assumes what it would ask, and says so")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent and run; do neither")
    parser.add_argument("--as", dest="kind", choices=_KINDS, default="pandas", help="what -o binds (default: pandas)")
    parser.add_argument("--quiet", action="store_true", help="show neither progress nor the answer")
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    return parser


def read_ask(words: Sequence[str]) -> Ask:
    """The options on the line of a ``%%analyst`` cell.  Raises ``UsageError``, or ``HelpWanted``."""
    found = read(ask_parser(), words)
    if found.words:
        raise UsageError(
            "bad_option",
            f"%%analyst takes options only, not {' '.join(found.words)[:60]!r}.",
            "The question goes into the cell, below this line; `%analyst help` lists the commands.",
        )
    if found.out is not None and not found.out.isidentifier():
        raise UsageError("bad_option", f"-o {found.out!r} is not a name for a variable.", "Use a name such as result.")
    datasets = None if found.data is None else tuple(found.data)
    return Ask(
        found.out, found.model, found.mode, datasets, found.max_rows, found.timeout, found.kind, found.quiet,
        found.max_steps, found.max_cost, not found.no_ask, found.dry_run,
    )  # fmt: skip


# --- %analyst -------------------------------------------------------------------------------------


def _command(name: str, about: str) -> _Parser:
    return _Parser(prog=f"%analyst {name}", description=about)


def _add() -> _Parser:
    parser = _command("add", "Register data, so that questions can use it.")
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a file, a pattern, a shipped data set, a variable"
    )
    ingest_options.declare(parser)
    return parser


def _describe() -> _Parser:
    parser = _command("describe", "Show what a data set means, and give it a data dictionary.")
    parser.add_argument("name", metavar="NAME", help="the data set")
    parser.add_argument("--dictionary", metavar="FILE", help="put this dictionary (YAML) in force for it")
    parser.add_argument("--yaml", action="store_true", help="show it as a dictionary to start from")
    parser.add_argument("--write", metavar="FILE", help="write that dictionary to a file that is not there yet")
    parser.add_argument("--overwrite", action="store_true", help="with --write: replace the file")
    return parser


def _policy() -> _Parser:
    parser = _command("policy", "Show or choose what of a data set a model may be told.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the data set")
    parser.add_argument("policy", nargs="*", metavar="POLICY", help="schema, aggregates, sample N or full")
    return parser


def _preview() -> _Parser:
    parser = _command("preview", "Show the first request that a question would send, and send nothing.")
    parser.add_argument("words", nargs="+", metavar="QUESTION", help="the question, in quotes")
    parser.add_argument("-m", "--model", metavar="NAME", help="the model (LiteLLM's name)")
    return parser


def _export() -> _Parser:
    parser = _command("export", "Write a run with its data as one file.")
    parser.add_argument("word", metavar="ID", help="its id, the start of it, or last")
    parser.add_argument("file", metavar="FILE.zip", help="the file to write")
    return parser


def _plain(name: str, about: str) -> _Parser:
    return _command(name, about)


def _with_word(name: str, about: str, word: str, about_word: str, *, optional: bool = False) -> _Parser:
    parser = _command(name, about)
    parser.add_argument("word", metavar=word, nargs="?" if optional else None, help=about_word)
    return parser


def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of every line command, by its name, in the order of the help."""
    return {
        "add": _add(),
        "datasets": _plain("datasets", "List the registered data sets."),
        "describe": _describe(),
        "profile": _with_word("profile", "Show the columns of a data set.", "NAME", "the data set"),
        "model": _with_word("model", "Show the model, or choose another.", "NAME", "LiteLLM's name", optional=True),
        "status": _plain("status", "Show what is in force and what runs."),
        "runs": _plain("runs", "List the questions that were asked, newest first."),
        "show": _with_word("show", "Show everything about one run.", "ID", "its id, the start of it, or last"),
        "replay": _with_word(
            "replay", "Run the code of a run again, without a model.", "ID", "its id, last, or an exported file"
        ),
        "export": _export(),
        "policy": _policy(),
        "preview": _preview(),
        "undo": _plain("undo", "Take the last question and its answer out of the conversation."),
        "reset": _plain("reset", "Forget the data sets and the conversation, and remove the sandbox."),
        "doctor": _plain("doctor", "Check everything that a sandbox needs."),
        "help": _plain("help", "List the commands."),
    }


def overview() -> str:
    """What ``%analyst help`` says."""
    lines = [f"  %analyst {name:<9} {parser.description}" for name, parser in command_parsers().items()]
    return "\n".join(
        [
            "%%analyst [options]   answers the question in the cell; %%analyst -h lists the options",
            *lines,
            "",
            "`%analyst COMMAND -h` tells more about a command.",
        ]
    )


def read_command(words: Sequence[str]) -> tuple[str, argparse.Namespace]:
    """The command of an ``%analyst`` line and its options.  Raises ``UsageError``, or ``HelpWanted``."""
    if not words or words[0] in ("-h", "--help"):
        raise HelpWanted(overview())
    parsers = command_parsers()
    name = words[0]
    if name not in parsers:
        close = difflib.get_close_matches(name.lower(), parsers, 1, 0.5)
        hint = f"Did you mean `%analyst {close[0]}`?" if close else "`%analyst help` lists the commands."
        if len(words) > 2 and not close:
            hint = "A question goes into a cell that starts with %%analyst; `%analyst help` lists the commands."
        raise UsageError("unknown_command", f"There is no command {name!r}.", hint)
    return name, read(parsers[name], words[1:])
