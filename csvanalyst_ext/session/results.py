"""The named results of a session (``r1``, ``r2`` …): which there were, and which the sandbox still has.

Runs on the host; pure.  The results themselves stay in the sandbox.  A name means the same result
for the whole session: when a request fails and the sandbox no longer has what it names (it was
replaced, or needed the room), what gave that is run again, and then the request.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ..datasets.model import ResultTable
from ..execution.base import Outcome
from ..protocol import PythonRequest, SqlRequest

CodeRequest = SqlRequest | PythonRequest
MOST_LISTED: Final = 20
"""Results that are offered; older ones can still be read."""
_WORD: Final = re.compile(r"\w+")


class NamedResults:
    """Requests by the name of their result."""

    def __init__(self) -> None:
        self._requests: dict[str, CodeRequest] = {}
        self._tables: dict[str, ResultTable] = {}
        self._last = 0

    def named(self, request: CodeRequest) -> CodeRequest:
        """``request`` with the next name for its result.  No table has such a name (see ``datasets.naming``)."""
        return replace(request, keep=f"r{self._last + 1}")

    def remember(self, request: CodeRequest, outcome: Outcome) -> None:
        if outcome.name:
            self._requests[outcome.name] = request
            self._last = max(self._last, int(outcome.name[1:]))
            columns = tuple((column.name, column.type) for column in outcome.columns)
            rows = outcome.row_count if outcome.total_rows is None else outcome.total_rows
            of_cells = self.names_of_cells(request, outcome)
            self._tables[outcome.name] = ResultTable(outcome.name, rows, columns, of_cells)

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """What can be read by its name, the newest last."""
        return tuple(self._tables.values())[-MOST_LISTED:]

    def names_of_cells(self, request: CodeRequest, outcome: Outcome) -> bool:
        """Whether names of columns in ``outcome`` may be cells: those that Python makes, and a PIVOT without IN, whose
        text is not the one that ran; and those of every result that reads such a one."""
        expanded = "sql" in outcome.report or bool(outcome.fault and outcome.fault.details.get("expanded"))
        read = (self._tables.get(word) for word in map(str.casefold, _WORD.findall(request.text)))
        return isinstance(request, PythonRequest) or expanded or any(table and table.names_of_cells for table in read)

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
