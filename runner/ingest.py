"""Turn a staged file into Parquet, with a truthful report.

Runs in the sandbox, in a one-shot worker.  No data is ever lost in silence: what is not read as it
stands is mended and counted with line numbers, or refused with a typed fault.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import duckdb

from csvanalyst_ext import protocol

from .ingest_columnar import ingest_arrow, ingest_parquet
from .ingest_csv import ingest_csv
from .ingest_engine import Engine, Outlet, engine
from .ingest_faults import IngestFault
from .ingest_json import ingest_json
from .ingest_load import Loaded
from .sink import Sink

MAX_REPORT: Final = 3_000_000 - 50_000  # bytes of JSON
_MAX_NOTES: Final = 200
_M_TRIM_THRESHOLD: Final = -1  # of malloc.h
_M_MMAP_THRESHOLD: Final = -3
_MAX_NOTE: Final = 500


def run_ingest(
    request: protocol.IngestRequest, *, incoming: str, scratch: str, memory_limit: int, threads: int, sink: Sink
) -> protocol.Reply:
    """Ingest ``request.source`` of the directory ``incoming``.

    ``scratch`` is a small private directory; nothing the size of a file is written there.
    ``memory_limit`` is what the engine may use, in bytes.  An ok reply carries a ``report`` (rows, columns,
    notes, dialect, repairs, state) and one body of kind ``parquet``.  State ``whole`` is all there is to do;
    ``unprofiled``: the columns have only names and types, and the Parquet is to be ingested once more;
    ``as_is``: there is no body, because the source is a Parquet file that can be kept as it is.
    """
    started = time.perf_counter()
    _keep_freed_memory()
    path = os.path.join(incoming, request.source)
    try:
        found = _read(request, path, scratch, memory_limit, threads, sink)
    except IngestFault as fault:
        return protocol.failure("error", fault.code, fault.message, fault.hint, **fault.details)
    except (duckdb.OutOfMemoryException, MemoryError):
        return protocol.failure(
            "memory",
            "out_of_memory",
            f"Reading this file needs more than the {memory_limit >> 20} MiB that the sandbox may use.",
            "Raise the memory setting, or add the file in parts or with fewer columns.",
        )
    loaded: Loaded = found["loaded"]
    return protocol.Reply(
        "ok",
        columns=tuple(protocol.Column(profile.name, profile.type[:4096]) for profile in loaded.profiles),
        row_count=loaded.rows,
        total_rows=loaded.rows,
        bodies=sink.bodies,
        timings={"ingest": time.perf_counter() - started},
        report=_report(loaded, found),
    )


def _read(
    request: protocol.IngestRequest, path: str, scratch: str, memory_limit: int, threads: int, sink: Sink
) -> dict[str, Any]:
    """What was found.  What does not fit the memory with several threads may with one: each of them holds rows,
    and keeping the rows' order takes memory for every row group of the source."""
    outlet = Outlet(sink)
    try:
        exact = bool(request.options.get("exact", False))
        with engine(path, scratch, memory_limit, threads, outlet, exact=exact) as opened:
            return _dispatch(opened, request, path)
    except duckdb.OutOfMemoryException:
        if threads == 1 or outlet.begun:
            raise
    return _read(request, path, scratch, memory_limit, 1, sink)


def _keep_freed_memory() -> None:
    """Let glibc reuse blocks of a few MB: giving each back to the kernel doubles the time of the passes over bytes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 1024 * 1024)
        mallopt(_M_TRIM_THRESHOLD, 64 * 1024 * 1024)


def _dispatch(engine: Engine, request: protocol.IngestRequest, path: str) -> dict[str, Any]:
    if request.format in ("csv", "tsv"):
        return ingest_csv(engine, path, request.format, request.compression, request.options)
    for option in ("null", "text"):
        if request.options.get(option):
            raise IngestFault(
                "option_not_for_format",
                f"The option {option} is for delimited text, and this is {request.format}, whose values have types.",
                "Leave it out; in SQL, nullif(column, 'NA') gives NULL for a text.",
            )
    if request.format == "json":
        return ingest_json(engine, path, request.compression, request.options)
    if request.compression:
        raise IngestFault(
            "data_unreadable",
            f"A gzip file of {request.format} data cannot be read.",
            "Unpack it and add the unpacked file.",
        )
    if request.format == "parquet":
        return ingest_parquet(engine, path)
    return ingest_arrow(engine, path)


def _report(loaded: Loaded, found: dict[str, Any]) -> dict[str, Any]:
    """The report as JSON values, cut where it would not fit a frame."""
    report = {
        "rows": loaded.rows,
        "columns": [_column(asdict(profile)) for profile in loaded.profiles],
        "notes": _notes(found["notes"]),
        "dialect": found["dialect"],
        "repairs": found["repairs"],
        "state": "as_is" if found.get("as_is") else "whole" if loaded.profiled else "unprofiled",
    }
    if _size(report) > MAX_REPORT:
        short = [replace(p, values=(), all_values=False, minimum=None, maximum=None) for p in loaded.profiles]
        report["columns"] = [_column(asdict(profile)) for profile in short]
        report["notes"].append("There are so many columns that their values and extremes are not listed.")
    return report


def _column(profile: dict[str, Any]) -> dict[str, Any]:
    texts = {name: list(profile[name]) for name in ("values", "words")}
    return {**profile, **texts, "null_words": [list(pair) for pair in profile["null_words"]]}


def _notes(notes: Sequence[str]) -> list[str]:
    cut = [note if len(note) <= _MAX_NOTE else note[:_MAX_NOTE] + "…" for note in notes[:_MAX_NOTES]]
    return cut + ([f"{len(notes) - _MAX_NOTES:,} more notes were left out."] if len(notes) > _MAX_NOTES else [])


def _size(report: dict[str, Any]) -> int:
    return len(json.dumps(report, ensure_ascii=False).encode("utf-8", "replace"))
