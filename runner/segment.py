"""Memory files: where a worker puts its results, sealed before anybody else may rely on them.

Runs in the sandbox, in the supervisor.  Standard library only.  A worker writes into its own file;
once it is dead and the file is sealed, nothing can change a byte of it any more, so it can be
handed to the host, and to later workers, without a copy.
"""

from __future__ import annotations

import fcntl
import os
from typing import Final

# <linux/fcntl.h>; Python 3.11 does not name them all.
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEAL, _SHRINK, _GROW, _WRITE = 1, 2, 4, 8
SEALS: Final = _SEAL | _SHRINK | _GROW | _WRITE


def create() -> int:
    """The descriptor of a new, empty memory file that can be sealed.  Raises ``OSError``."""
    return os.memfd_create("result", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal(descriptor: int) -> bool:
    """Forbid every change of content and size, for ever.

    ``False`` when that cannot be had now: somebody still has the file mapped for writing, or has
    set seals of his own.
    """
    try:
        fcntl.fcntl(descriptor, _ADD_SEALS, SEALS)
    except OSError:
        return False
    return fcntl.fcntl(descriptor, _GET_SEALS) == SEALS


def size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size
