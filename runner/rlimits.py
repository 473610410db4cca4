"""Limits that the sandbox's processes set on themselves, where the engine's count only the sandbox as a whole.

Runs in the sandbox, on Linux.  Standard library only.  gVisor is one process group of the host with a kernel of
its own inside: an engine's limit on processes or memory that is reached ends it all.  These are reached first,
and then a fork fails or memory is refused, in the one worker that asked for it.  They cannot be raised again.
"""

from __future__ import annotations

import resource


def limit_processes(most: int) -> None:
    """Processes and threads of this user, all together, in this kernel."""
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def limit_growth(most: int) -> None:
    """Bytes of address space that this process may map beyond what it has now; what asks for more gets a
    ``MemoryError``.  Address space, because gVisor of 2022 bounds nothing else (``RLIMIT_DATA`` has no effect)."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + most, mapped + most))
