"""The figures of a session's answers: marked against results, also those of earlier questions that are cited.

Runs on the host; pure.  It keeps the last results by name, as they came to the host.
"""

from __future__ import annotations

from typing import Final

from ..agent import review
from ..agent.events import Conclusion
from ..checking import CheckedNumber, Result
from ..config import OFFLINE_MODEL
from .question import Question

MOST: Final = 20
"""Results of earlier questions that can be cited."""
MOST_BYTES: Final = 1024 * 1024
"""Bytes of such a result: larger ones are memory of the sandbox for as long as somebody holds them."""


class Figures:
    """What a session knows for checking figures."""

    def __init__(self) -> None:
        self._earlier: dict[str, Result] = {}

    def review(self, question: Question, model: str) -> review.Review | None:
        """What an answer has to pass.  The offline planner writes from the results: asking again changes nothing."""
        return None if model == OFFLINE_MODEL else review.reviewer(question.text, self._earlier)

    def mark(self, question: Question, conclusion: Conclusion) -> tuple[CheckedNumber, ...]:
        """The marks of a finished answer, none for explicit SQL and Python; its results can be cited from now on."""
        asked = question.mode == "auto" and conclusion.status != "clarify"
        marks = review.numbers(conclusion, question.text, self._earlier) if asked else ()
        for result in review.results_of(conclusion.steps):
            self._earlier.pop(result.name, None)
            small = result.table is None or result.table.nbytes < MOST_BYTES
            if small and result.name.startswith("r") and result.name[1:].isdigit():
                self._earlier[result.name] = result
        for name in list(self._earlier)[:-MOST]:
            del self._earlier[name]
        return marks
