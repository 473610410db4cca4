"""Limits that the sandbox's processes set on themselves, where the engine's count only the sandbox as a whole.

Runs in the sandbox, on Linux.  Standard library only.  gVisor is one process group of the host with a kernel of
its own inside: an engine's limit on processes or memory that is reached ends it all.  These are reached first,
and then a fork fails or memory is refused, in the one worker that asked for it.  They cannot be raised again.
"""

from __future__ import annotations

import mmap
import resource
from typing import Final

STEP: Final = 1024 * 1024
MOST_MAPPED: Final = 1 << 46


def limit_processes(most: int) -> None:
    """Processes and threads of this user, all together, in this kernel."""
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def limit_growth(most: int) -> None:
    """Bytes that this process may map beyond what it has now; what asks for more gets a ``MemoryError``."""
    limit = _mapped() + most
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _mapped() -> int:
    """Bytes that this process has mapped, to the nearest larger ``STEP``.

    Found by asking for a page under one limit after the other: where this is needed, there is no ``/proc``.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    least, most = 0, MOST_MAPPED
    while most - least > STEP:
        middle = (least + most) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
            most = middle
        except OSError:
            least = middle
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return most
