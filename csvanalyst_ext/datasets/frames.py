"""DataFrames and Arrow tables of the notebook, written as an Arrow IPC file for the sandbox.

Runs on the host.  The values are the person's own objects in the person's own kernel; they are
converted to plain Arrow columns, never pickled, and never changed.  pandas, polars and pyarrow are imported inside
functions only, and ``frame_kind`` imports nothing at all.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import DataError
from .storage import require_room, size_text, storing

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS: Final = (
    ("pandas", ("DataFrame", "Series")),
    ("polars", ("DataFrame", "Series")),
    ("pyarrow", ("Table", "RecordBatch", "RecordBatchReader")),
)


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What was written: rows, bytes of the file, its SHA-256 (hex), and what was converted, in sentences."""

    rows: int
    bytes: int
    sha256: str
    notes: tuple[str, ...] = ()


def frame_kind(value: Any) -> str | None:
    """``"pandas DataFrame"`` and so on for a value that can be added, else ``None``.  Imports nothing."""
    for module, classes in _KINDS:
        library = sys.modules.get(module)
        for name in classes if library else ():
            kind = getattr(library, name, None)
            if isinstance(kind, type) and isinstance(value, kind):
                return f"{'Arrow' if module == 'pyarrow' else module} {name}"
    return None


def is_frame(value: Any) -> bool:
    """Whether ``write_ipc`` takes it."""
    return frame_kind(value) is not None


def write_ipc(value: Any, path: Path, *, max_bytes: int | None = None) -> FrameFacts:
    """Write a frame to the new file ``path`` in the Arrow IPC file format, uncompressed.

    A ``RecordBatchReader`` is read to its end; everything else stays as it is.
    Raises ``DataError``: ``data_not_frame``, ``frame_column`` (a column that has no plain form), ``frame_empty`` (no
    columns), ``frame_unreadable`` (a reader that fails), ``data_too_large``; or ``StorageError``.  Nothing is left
    behind then.
    """
    from .columns import Plain

    plain = Plain()
    batches = _batches(value, plain)
    first = next(batches)
    if not first.schema.names:
        raise DataError("frame_empty", "The frame has no columns.", "Add a frame with at least one column.")
    if (size := getattr(value, "nbytes", None)) is not None and isinstance(size, int):
        require_room(path.parent, size)
    with storing(path.parent):
        sink = _Sink(path, max_bytes)
    try:
        with storing(path.parent):
            return _write(first, batches, plain, sink)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        sink.close()


def _batches(value: Any, plain: Any) -> Iterator[pa.Table]:
    """The frame as tables of one schema, at least one (perhaps without rows)."""
    kind = frame_kind(value)
    if kind is None:
        raise DataError("data_not_frame", f"A {type(value).__name__} is not a table.", "Add a DataFrame.")
    if kind.startswith("pandas"):
        yield plain.from_pandas(value)
    elif kind.startswith("polars"):
        yield plain.from_polars(value)
    else:
        yield from plain.from_arrow(value)


class _Sink:
    """A binary file that hashes, counts and caps what is written; pyarrow closes it."""

    def __init__(self, path: Path, max_bytes: int | None) -> None:
        self._file = path.open("xb")
        self._max = max_bytes
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        if self._max is not None and self.size > self._max:
            raise DataError(
                "data_too_large",
                f"The frame takes more than {size_text(self._max)}.",
                "Raise CSVANALYST_MAX_SOURCE, or add a part of the frame.",
            )
        self.digest.update(data)
        self._file.write(data)
        return size

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._file.close()

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _write(first: pa.Table, rest: Iterator[pa.Table], plain: Any, sink: _Sink) -> FrameFacts:
    import pyarrow as pa

    rows = 0
    options = pa.ipc.IpcWriteOptions(compression=None)
    with pa.ipc.new_file(pa.PythonFile(sink, mode="w"), first.schema, options=options) as writer:
        for table in chain([first], rest):
            writer.write_table(table, max_chunksize=65_536)
            rows += table.num_rows
    sink.close()
    return FrameFacts(rows, sink.size, sink.digest.hexdigest(), plain.notes)
