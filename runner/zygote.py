"""The zygote: has the libraries imported, and forks workers from itself.

Runs in the sandbox as a child of the supervisor.  It never sees data, questions or code: its only
input is the supervisor's word to fork, with three descriptors for the new worker.  A worker is
forked twice, so that it becomes the supervisor's own child, which can then wait for it.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import socket
from typing import Any, Final

from . import charts
from .link import Link

MAX_ORDER: Final = 1024 * 1024
QUIET: Final = 1.0
"""Seconds without an order after which there is time for the slow import of matplotlib."""


def send_order(control: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
    """Ask for a worker.  ``descriptors``: its channel, its output, its segment."""
    message = json.dumps(order).encode()
    control.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


def start(link: Link) -> socket.socket:
    """Fork the zygote; the supervisor's end of their conversation."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        _leave_to_the_supervisor(link)
        serve(theirs)
    theirs.close()
    return ours


def serve(control: socket.socket) -> None:
    """Fork a worker for every order until the supervisor closes ``control``.  Does not return."""
    versions = _import_libraries()
    control.send(json.dumps(versions).encode())
    charts_wait = True
    while True:
        if charts_wait and not select.select([control], [], [], QUIET)[0]:
            charts.load()  # only some questions need it, and no worker can be made meanwhile
            charts_wait = False
        message, descriptors, _, _ = socket.recv_fds(control, MAX_ORDER, 3)
        if not message:
            os._exit(0)
        gc.freeze()  # the libraries' objects stay out of the workers' collections, and their pages shared
        if not _fork_twice():
            control.close()
            _become_worker(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)  # were no worker made, the supervisor sees its end close


def _fork_twice() -> bool:
    """Fork a grandchild; ``True`` in the caller, ``False`` in the grandchild.

    When a process cannot be had, there is no grandchild, and the caller goes on.
    """
    try:
        child = os.fork()
    except OSError:
        return True
    if child:
        os.waitpid(child, 0)
        return True
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        os._exit(1)
    return False


def _import_libraries() -> dict[str, str]:
    import duckdb
    import numpy
    import pandas
    import pyarrow
    import pyarrow.parquet

    from . import ingest, python, sql, worker  # noqa: F401

    modules = {"duckdb": duckdb, "numpy": numpy, "pandas": pandas, "pyarrow": pyarrow}
    return {name: str(module.__version__) for name, module in modules.items()}


def _become_worker(order: dict[str, Any], channel: int, output: int, segment: int) -> None:
    status = 1
    try:
        from . import worker

        worker.main(order, channel, output, segment)
        status = 0
    finally:
        os._exit(status)


def _leave_to_the_supervisor(link: Link) -> None:
    """The zygote and its children must not reach the host; what the zygote itself complains of may."""
    link.close()
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    if null > 1:
        os.close(null)
