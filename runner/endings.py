"""How processes of the sandbox ended: in words, and what is left of their results.

Runs in the sandbox, in the supervisor.  Standard library only.
"""

from __future__ import annotations

import os
import signal

from csvanalyst_ext.protocol import Reply, failure

from . import processes, segment
from .processes import Worker


def next_dead() -> int | None:
    """The process number of a child that has ended and was not waited for; ``None`` when there is none."""
    try:
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return dead.si_pid if dead else None


def out_of_memory_kills() -> int | None:
    """How many processes the kernel has killed here for want of memory; ``None`` when it does not say."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path) as file:
                for line in file:
                    name, _, value = line.partition(" ")
                    if name == "oom_kill":
                        return int(value)
        except (OSError, ValueError):
            continue
    return None


def cause_of_death(status: int | None, kills_before: int | None, *, killer: bool) -> Reply:
    """The reply for a worker that died without one.  ``status`` is as ``waitpid`` gives it;
    ``kills_before`` is what ``out_of_memory_kills`` said when its request began.  ``killer``: whether a
    process is killed when memory is short; where it is refused before, none is."""
    kills = out_of_memory_kills()
    killed = status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killer and killed and (kills is None or kills_before is None or kills > kills_before):
        return failure(
            "memory",
            "out_of_memory",
            "The memory limit of the sandbox was reached and the worker was killed.",
            "Aggregate or filter first, use fewer columns, or allow more memory (CSVANALYST_MEMORY).",
        )
    if status is not None and os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return failure("crashed", "worker_crashed", f"The worker process died of {name}.", signal=name)
    code = None if status is None else os.WEXITSTATUS(status)
    return failure(
        "crashed",
        "worker_exited",
        f"The worker process ended (exit status {code}) before it gave a result.",
        "Do not call os._exit or exit the process in the code.",
        exit_status=code,
    )


def timed_out(seconds: float) -> Reply:
    return failure(
        "timeout",
        "timeout",
        f"It took longer than the {seconds:g} seconds allowed and was stopped.",
        "Ask for less (filter, aggregate, LIMIT), or allow more time (--timeout).",
        seconds=seconds,
    )


def misbehaved(why: str) -> Reply:
    return failure("crashed", "worker_misbehaved", f"The worker's answer is not valid: {why}.")


def sealed(worker: Worker, reply: Reply) -> tuple[Reply, int | None]:
    """The reply of a stopped worker and the descriptor of its results, which nobody can change any more."""
    if reply.status != "ok" or not reply.bodies:
        return reply, None
    if not segment.seal(worker.segment):
        processes.reap(worker)  # whoever had it mapped for writing is gone then
        if not segment.seal(worker.segment):
            return misbehaved("its results cannot be sealed"), None
    if segment.size(worker.segment) != sum(body.size for body in reply.bodies):
        return misbehaved("its results are not as long as it says"), None
    return reply, worker.segment
