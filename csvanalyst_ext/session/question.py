"""A question as asked: its text, its mode and what was chosen for it.  Pure; runs on the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..protocol import MAX_CODE_BYTES

MODES: Final = ("auto", "sql", "python", "plan")
_PREFIX: Final = re.compile(r"\s*(SQL|PYTHON|PLAN)[ \t]*:", re.IGNORECASE)
_LABELS: Final[Mapping[str, str]] = {"auto": "a question", "sql": "SQL", "python": "Python", "plan": "a plan"}


@dataclass(frozen=True, slots=True)
class Question:
    """What to answer.

    ``mode`` is ``auto`` (a model answers), ``sql``, ``python`` or ``plan`` (``text`` itself runs; a plan is
    JSON or YAML).
    ``model`` is ``None`` for the session's.  ``datasets`` narrows what is visible to these names;
    ``None`` is all of them.  ``max_rows`` and ``timeout`` (seconds for one SQL or Python step) are
    ``None`` for the setting, and so are ``max_steps`` (model calls) and ``max_cost`` (US dollars).  An
    ``alone`` question neither knows the conversation nor joins it.  Without ``may_ask`` nobody is there to
    answer a question: a model then chooses a reading and says so.
    """

    text: str
    mode: str = "auto"
    model: str | None = None
    datasets: tuple[str, ...] | None = None
    max_rows: int | None = None
    timeout: float | None = None
    alone: bool = False
    max_steps: int | None = None
    max_cost: float | None = None
    may_ask: bool = True


def parse(
    text: str,
    *,
    mode: str | None = None,
    model: str | None = None,
    datasets: tuple[str, ...] | None = None,
    max_rows: int | None = None,
    timeout: float | None = None,
    alone: bool = False,
    max_steps: int | None = None,
    max_cost: float | None = None,
    may_ask: bool = True,
) -> Question:
    """The question that ``text`` with these options is.

    A first word ``SQL:``, ``PYTHON:`` or ``PLAN:``, in any case and after blank lines, chooses the mode and is
    taken off; ``mode`` chooses it too, and then a different prefix is a contradiction.  In
    ``--mode sql``, ``python`` or ``plan`` a text without a prefix is taken as it is.  Raises ``UsageError``.
    """
    if mode is not None and mode not in MODES:
        hint = f"Use one of: {', '.join(MODES)}."
        raise UsageError("bad_mode", f"There is no mode {mode!r}.", hint)
    found = _PREFIX.match(text)
    prefix = found[1].lower() if found else None
    if found and prefix and mode not in (None, prefix):
        raise UsageError(
            "mode_contradiction",
            f"The text starts with {found[1]}: but the mode is {mode}.",
            f"Leave out --mode, or the {found[1]}: in front.",
        )
    chosen = mode or prefix or "auto"
    body = text[found.end() :] if found else text
    body = body.strip() if chosen in ("auto", "sql") else _indented_body(body)
    if not body.strip():
        raise UsageError("empty_question", f"There is no text to take as {_LABELS[chosen]}.", _EXAMPLES[chosen])
    if "\0" in body:
        raise UsageError("bad_text", "The text holds a NUL character.", "Remove it.")
    if len(body.encode("utf-8", "surrogatepass")) > MAX_CODE_BYTES:
        raise UsageError("text_too_long", f"The text is longer than {MAX_CODE_BYTES // 1024} KiB.", "Shorten it.")
    if max_rows is not None and max_rows < 1:
        raise UsageError("bad_option", "--max-rows takes a whole number above 0.")
    if timeout is not None and not 0 < timeout <= 86_400:
        raise UsageError("bad_option", "--timeout takes seconds, above 0 and at most 86400.")
    if max_steps is not None and max_steps < 1:
        raise UsageError("bad_option", "--max-steps takes a whole number above 0.")
    if max_cost is not None and not 0 < max_cost < float("inf"):
        raise UsageError("bad_option", "--max-cost takes US dollars, above 0.")
    return Question(body, chosen, model, datasets, max_rows, timeout, alone, max_steps, max_cost, may_ask)


_EXAMPLES: Final[Mapping[str, str]] = {
    "auto": "Write the question, for example: How many rows are there?",
    "sql": "Write a query after it, for example: SQL: SELECT count(*) FROM flights",
    "python": "Write code after it, for example: PYTHON: len(flights)",
    "plan": "Write a plan after it, for example: PLAN: {from: flights, group_by: carrier, measures: count}",
}


def _indented_body(text: str) -> str:
    """Python or YAML without blank lines around it: the first line may follow the prefix after a space, while
    the indentation of a block that starts on its own line stays."""
    first, newline, rest = text.partition("\n")
    return (first.strip() + newline + rest if first.strip() else rest).strip("\n").rstrip()
