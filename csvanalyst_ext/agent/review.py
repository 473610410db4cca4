"""The figures of an answer against the results of its question, and what is sent back when some are missing there.

Runs on the host; pure.  ``checking`` decides what is found; this module says which results count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..checking import CheckedNumber, Result, check
from ..datasets.policy import FULL, Policy
from ..llm.datablock import parse
from ..llm.provenance import See
from ..rendering.text import visible
from . import replies
from .tools import prompt

if TYPE_CHECKING:
    from .events import Conclusion, Step

Review = Callable[["Conclusion"], See | None]
"""What to send back for a finished answer, once, by what the model may see; ``None`` when it can stand."""

_NAMED: Final = re.compile(r"\br\d{1,4}\b")
_MOST_NAMED: Final = 12


def numbers(conclusion: Conclusion, question: str, earlier: Mapping[str, Result]) -> tuple[CheckedNumber, ...]:
    """A mark for each figure of the conclusion's prose.  Spans are offsets into its ``visible`` text.

    ``earlier`` are results of other questions, by name: one counts when the prose, the question or the
    code of a step names it.
    """
    prose = visible(conclusion.prose, lines=True)
    if not prose:
        return ()
    codes = [step.code for step in conclusion.steps if step.code]
    cited = dict.fromkeys(name for text in (prose, question, *codes) for name in _NAMED.findall(text.casefold()))
    results = [earlier[name] for name in cited if name in earlier]
    results += results_of(conclusion.steps)
    return check(prose, question, results, codes)


def reviewer(question: str, earlier: Mapping[str, Result]) -> Review:
    """The review of answers to ``question``."""

    def review(conclusion: Conclusion) -> See | None:
        missing = [mark for mark in numbers(conclusion, question, earlier) if mark.status == "not found"]
        if not missing:
            return None
        texts = list(dict.fromkeys(replies.clean(mark.text, 60) for mark in missing))
        figures = ", ".join(texts[:_MOST_NAMED]) + (", …" if len(texts) > _MOST_NAMED else "")
        ran = any(step.status == "ok" for step in conclusion.steps)
        words = prompt("check_numbers" if ran else "check_no_query")

        def see(policy: Policy) -> str:
            # Which of many guesses is in a result that the model may not see would tell it the result.
            return words.replace("{figures}", figures if policy >= FULL else "some of its figures")

        return see

    return review


def results_of(steps: Sequence[Step]) -> list[Result]:
    """What the steps of a question found, in order: tables, printed text, and facts about data sets."""
    return [result for number, step in enumerate(steps, 1) for result in _results(number, step)]


def _results(number: int, step: Step) -> Iterator[Result]:
    outcome = step.outcome
    if step.status != "ok":
        return
    if outcome is None:
        yield from _described(step)
        return
    cut = "rows" in outcome.truncated
    total = outcome.total_rows if cut else None
    name = outcome.name or f"step {number}"
    if outcome.table is not None or outcome.stdout:
        yield Result(name, outcome.table, step.code, total, cut, printed=outcome.stdout)


def _described(step: Step) -> Iterator[Result]:
    """Rows, columns and profiles, as the tools about data sets reply them."""
    try:
        head, data = parse(step.reply)
    except ValueError:
        return
    if "tables" in data:
        facts: dict[str, float] = {"number of tables": float(head.get("tables", 0))}
        for table in data["tables"]:
            facts |= _sizes(str(table.get("name", "")), table)
        yield Result("the list of data sets", facts=facts, about=True)
    elif "columns" in data:
        yield Result(
            f"the description of {data.get('table', 'the table')}",
            _profile(data["columns"]),
            facts=_sizes(str(data.get("table", "")), head),
            dates=tuple(str(c[key]) for c in data["columns"] for key in ("min", "max") if key in c),
            about=True,
        )


def _sizes(name: str, entry: Mapping[str, Any]) -> dict[str, float]:
    known = {"rows": f"rows of {name}", "column_count": f"columns of {name}"}
    return {said: float(entry[key]) for key, said in known.items() if isinstance(entry.get(key), int)}


def _profile(columns: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    def numbers_of(key: str) -> list[float | None]:
        return [_number(column.get(key)) for column in columns]

    return pa.table(
        {
            "column": pa.array([str(column.get("name", "")) for column in columns], pa.string()),
            **{
                said: pa.array(numbers_of(key), pa.float64())
                for key, said in (
                    ("nulls", "missing"),
                    ("distinct", "distinct"),
                    ("min", "minimum"),
                    ("max", "maximum"),
                )
            },
        }
    )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
