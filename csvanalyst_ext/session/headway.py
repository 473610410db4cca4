"""How far an ingest has come, over all its parts, as numbers that never go back.

Runs on the host, on the engine's loop.
"""

from __future__ import annotations

from ..execution.base import ProgressSink


class Headway:
    """Tells ``sink`` rows and bytes of a source of ``size`` bytes (0: not known)."""

    def __init__(self, sink: ProgressSink | None, size: int) -> None:
        self._sink = sink
        self._size = size
        self._rows = self._bytes = 0

    def part(self, start: float, end: float, whole: int = 0) -> ProgressSink:
        """For the part of the work from the share ``start`` to the share ``end``, which counts for itself: bytes
        of the source, or of ``whole``."""

        def tell(rows: int, size: int) -> None:
            size = size * self._size // whole if whole else size
            share = start * self._size + (end - start) * size
            self._rows, self._bytes = max(self._rows, rows), max(self._bytes, int(share))
            if self._sink is not None:
                self._sink(self._rows, self._bytes)

        return tell
