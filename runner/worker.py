"""One worker: sealed and connected ahead of time, serves one request, is killed.

Runs in the sandbox, forked from the zygote.  From the moment the request is read, everything in
this process counts as hostile; the supervisor bounds it from outside.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from functools import partial
from typing import Any

from csvanalyst_ext.protocol import (
    MAX_KEPT,
    Decoder,
    Frame,
    IngestRequest,
    Kind,
    ProtocolError,
    Reply,
    Request,
    SqlRequest,
    encode,
    failure,
    request_from_json,
)

from . import attached, rlimits, sealing
from . import connection as connections
from .ingest import run_ingest
from .python import run_python
from .sink import Sink
from .sql import QueryFailed, run_sql


def main(order: dict[str, Any], channel_descriptor: int, output: int, segment: int) -> None:
    """Prepare, say so with the process number, wait for one request, answer it."""
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    for text_stream in (sys.stdout, sys.stderr):  # lines leave at once, so that a kill loses none
        text_stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    channel = socket.socket(fileno=channel_descriptor)
    if order["most_growth"] is not None:
        rlimits.limit_growth(order["most_growth"])
    sealing.offer_to_oom_killer()
    sealing.seal_worker()
    channel.sendall(encode(Kind.PROGRESS, 0, {}))  # from here on others may run what they like
    place = order["place"]
    tempfile.tempdir = place
    fault = None
    database = None
    try:
        database = connections.connect(
            order["tables"],
            tables_dir=order["tables_dir"],
            scratch=place,
            memory_limit=order["memory"],
            threads=order["threads"],
        )
        _warm_up(database)
    except Exception as error:  # whatever it is, the next request must hear of it
        fault = {"code": "sandbox_not_prepared", "message": f"The data could not be opened: {error}"}
    channel.sendall(encode(Kind.HELLO, 0, {"pid": os.getpid(), "fault": fault}))
    frame, descriptors = _read_request(channel)
    message = frame.json()
    framed = message["request"]["op"] == IngestRequest.op
    sink = Sink(frame.request, channel.sendall, None if framed else partial(_write, segment))
    sink.progress(0, 0)  # from here on the request may be the cause of whatever happens
    os.chdir(place)
    results = attached.taken_over(message["results"], descriptors)
    reply = _serve(message["request"], database, results, order, sink)
    with contextlib.suppress(Exception):  # the code may have replaced or closed them
        sys.stdout.flush()
    channel.sendall(encode(Kind.REPLY, frame.request, replace(reply, bodies=sink.bodies).to_json()))


def _warm_up(database: Any) -> None:
    """Run a small query the whole way: the first one touches megabytes of the engine's code and tables."""
    run_sql(database, SqlRequest("SELECT 1 AS one"), (), Sink(0, _forget, _forget))


def _forget(data: bytes | memoryview) -> None:
    pass


def _write(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_request(channel: socket.socket) -> tuple[Frame, list[int]]:
    """The request and the descriptors that came with it."""
    decoder = Decoder()
    descriptors: list[int] = []
    while True:
        data, rights, _, _ = socket.recv_fds(channel, 65536, MAX_KEPT)
        descriptors += rights
        if not data:
            os._exit(0)
        if frames := decoder.feed(data):
            return frames[0], descriptors


def _serve(
    raw: dict[str, Any], database: Any, results: list[attached.KeptResult], order: dict[str, Any], sink: Sink
) -> Reply:
    started = time.perf_counter()
    try:
        reply = _run(request_from_json(raw), database, results, order, sink)
    except ProtocolError as error:
        reply = failure("error", error.code, f"The request could not be read: {error}.")
    except QueryFailed as failed:
        reply = Reply(failed.status, failed.fault)
    except MemoryError:
        reply = failure(
            "memory", "out_of_memory", "The memory limit of the sandbox was reached.", "Ask for less at once."
        )
    except Exception as error:  # a fault of ours: say so, with what a report of it needs
        where = "".join(traceback.format_tb(error.__traceback__)[-3:])
        reply = failure(
            "error",
            "runner_fault",
            f"The sandbox's own code failed ({type(error).__name__}: {error}).",
            "This is a fault of CSV Analyst; please report it.",
            where=where[-2000:],
        )
    return replace(reply, timings={**reply.timings, "worker": time.perf_counter() - started})


def _run(
    request: Request, database: Any, results: list[attached.KeptResult], order: dict[str, Any], sink: Sink
) -> Reply:
    if isinstance(request, IngestRequest):
        return run_ingest(
            request,
            incoming=order["incoming_dir"],
            scratch=order["place"],
            memory_limit=order["memory"],
            threads=order["threads"],
            sink=sink,
        )
    tables = list(order["tables"]) if request.tables is None else [t for t in order["tables"] if t in request.tables]
    tables += attached.attach(database, results, request.text, tables)
    if isinstance(request, SqlRequest):
        return run_sql(database, replace(request, tables=tuple(tables)), tables, sink)
    if not order["python"]:
        return failure(
            "refused",
            "python_disabled",
            "Python is switched off in this sandbox.",
            "Ask with SQL, or have the administrator set ENABLE_PYTHON_EXECUTION=true.",
        )
    return run_python(request, database, tables, sink)
