"""The named results of a session (``r1``, ``r2`` …): which there were, and which the sandbox still has.

Runs on the host; pure.  The results themselves stay in the sandbox.  A name means the same result
for the whole session: when a request fails and the sandbox no longer has what it names (it was
replaced, or needed the room), what gave that is run again, and then the request.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..execution.base import Outcome
from ..protocol import PythonRequest, SqlRequest

CodeRequest = SqlRequest | PythonRequest
_WORD = re.compile(r"\w+")


class NamedResults:
    """Requests by the name of their result."""

    def __init__(self) -> None:
        self._requests: dict[str, CodeRequest] = {}
        self._of_cells: set[str] = set()
        self._last = 0

    def named(self, request: CodeRequest) -> CodeRequest:
        """``request`` with the next name for its result.  No table has such a name (see ``datasets.naming``)."""
        return replace(request, keep=f"r{self._last + 1}")

    def remember(self, request: CodeRequest, outcome: Outcome) -> None:
        if outcome.name:
            self._requests[outcome.name] = request
            self._last = max(self._last, int(outcome.name[1:]))
            if self.names_of_cells(request, outcome):
                self._of_cells.add(outcome.name)

    def names_of_cells(self, request: CodeRequest, outcome: Outcome) -> bool:
        """Whether names of columns in ``outcome`` may be cells: those that Python makes, and a PIVOT without IN, whose
        text is not the one that ran; and those of every result that reads such a one."""
        expanded = "sql" in outcome.report or bool(outcome.fault and outcome.fault.details.get("expanded"))
        words = map(str.casefold, _WORD.findall(request.text))
        return isinstance(request, PythonRequest) or expanded or not self._of_cells.isdisjoint(words)

    def missing(self, text: str, there: frozenset[str]) -> list[CodeRequest]:
        """What gave the results that ``text`` names and that are not ``there``, in order."""
        needed: dict[str, None] = {}
        self._need(text, there, needed)
        return [self._requests[name] for name in sorted(needed, key=lambda name: int(name[1:]))]

    def _need(self, text: str, there: frozenset[str], needed: dict[str, None]) -> None:
        for word in map(str.casefold, _WORD.findall(text)):
            if word in self._requests and word not in there and word not in needed:
                needed[word] = None
                self._need(self._requests[word].text, there, needed)
