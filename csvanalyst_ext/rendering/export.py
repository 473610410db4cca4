"""A result as a file for other programs.

Runs on the host.  In CSV, text that a spreadsheet would run as a formula is made text again by an
apostrophe in front; the values in memory stay what they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import StorageError, UsageError
from .values import json_rows

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def check(path: Path) -> None:
    """Raises ``UsageError`` (``bad_option``) when the name of ``path`` stands for no format that can be written."""
    if path.suffix.lower() not in _WRITERS:
        raise UsageError("bad_option", f"{path.name!r} cannot be written.", f"Use a name with {', '.join(_WRITERS)}.")


def write(table: pa.Table, path: Path) -> None:
    """Write ``table`` in the format of the suffix.  Raises what ``check`` raises, and ``StorageError``."""
    check(path)
    data = _WRITERS[path.suffix.lower()](table)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        why = error.strerror or type(error).__name__
        raise StorageError(
            "storage_unwritable", f"{path} cannot be written: {why}.", "Choose another place."
        ) from error


def _csv(table: pa.Table) -> bytes:
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([_harmless(name) for name in table.column_names])
    writer.writerows([_field(value) for value in row] for row in json_rows(table))
    return lines.getvalue().encode("utf-8")


def _field(value: Any) -> Any:
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


_WRITERS: Final[Mapping[str, Callable[[Any], bytes]]] = {".csv": _csv, ".parquet": _parquet}
