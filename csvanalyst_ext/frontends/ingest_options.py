"""How data are read, as options: the same words for ``%analyst add`` and for the commands of ``csvanalyst``.

Runs on the host; pure but for the directory that relative paths start from.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..datasets.policy import Policy, policy
from ..errors import UsageError


@dataclass(frozen=True, slots=True)
class Ingest:
    """What ``Analyst.add`` is told about a source, beside its name."""

    name: str | None = None
    dictionary: Path | None = None
    options: Mapping[str, str | bool] | None = None
    policy: Policy | None = None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of ``Analyst.add``."""
        return {"name": self.name, "dictionary": self.dictionary, "options": self.options, "policy": self.policy}


AS_IT_IS: Final = Ingest()


def declare(parser: argparse.ArgumentParser, *, one: bool = True) -> None:
    """Add the options to ``parser``; without ``one`` those that only make sense for a single source are left out."""
    if one:
        parser.add_argument("--as", dest="name", metavar="NAME", help="the table's name (default: from the source)")
        parser.add_argument(
            "--dictionary",
            metavar="FILE",
            help="what the data means, as YAML (default: NAME.dictionary.yaml beside it)",
        )
    parser.add_argument("--delimiter", metavar="C", help="the character between fields")
    parser.add_argument("--quote", metavar="C", help="the quoting character")
    parser.add_argument("--encoding", metavar="NAME", help="such as utf-8, latin-1, utf-16")
    parser.add_argument(
        "--header", action=argparse.BooleanOptionalAction, default=None, help="the first line holds names"
    )
    parser.add_argument(
        "--null",
        action="append",
        metavar="COLUMN[=TEXT]",
        help="NA, null, - … of this column (or this text) are NULL; may be given again",
    )
    parser.add_argument("--text", action="append", metavar="COLUMN", help="this column stays text; may be given again")
    parser.add_argument("--policy", metavar="P", help="what a model may be told: schema, aggregates, sample:N, full")


def read(given: argparse.Namespace, sources: Collection[str]) -> Ingest:
    """The options of ``given`` for ``sources``.  Raises ``UsageError`` (``bad_option``, ``bad_policy``)."""
    name, dictionary = getattr(given, "name", None), getattr(given, "dictionary", None)
    for option, value in (("--as names", name), ("--dictionary describes", dictionary)):
        if value is not None and len(sources) > 1:
            message = f"{option} one data set, and there are several."
            raise UsageError("bad_option", message, "Add them one by one.")
    chosen = {key: getattr(given, key) for key in ("delimiter", "quote", "encoding", "header")}
    chosen |= {key: "\n".join(getattr(given, key)) for key in ("null", "text") if getattr(given, key)}
    return Ingest(
        name,
        None if dictionary is None else Path.cwd() / Path(dictionary).expanduser(),
        {key: value for key, value in chosen.items() if value is not None},
        None if given.policy is None else policy(given.policy),
    )
