"""Which carrier a Docker engine can serve: the one place where that is decided.

Runs on the host.  The local carrier needs one kernel on both sides (a Unix socket and memory files
cross no machine), and a runtime that does not put a kernel of its own between (gVisor, Kata).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from ..errors import UsageError

if TYPE_CHECKING:
    import docker

CARRIERS: Final = ("auto", "local", "stream")
_RUNTIMES: Final = ("runc", "crun", "io.containerd.runc.v2")


def choose(wanted: str, runtime: str, client: docker.DockerClient) -> tuple[str, str]:
    """The carrier, ``local`` or ``stream``, and why.  Asks the engine only when it is free to choose.

    Raises ``UsageError`` (``unknown_carrier``).
    """
    if wanted not in CARRIERS:
        raise UsageError(
            "unknown_carrier",
            f"There is no carrier {wanted!r}.",
            f"Set CSVANALYST_CARRIER to one of: {', '.join(CARRIERS)}.",
        )
    if wanted != "auto":
        return wanted, "as set"
    hindrance = _hindrance(runtime, client)
    return ("stream", hindrance) if hindrance else ("local", "the engine shares this kernel")


def _hindrance(runtime: str, client: docker.DockerClient) -> str:
    if sys.platform != "linux":
        return "this is not Linux"
    if not str(client.api.base_url).startswith("http+docker://"):
        return "the engine is not on this machine"
    facts: dict[str, Any] = client.info()
    runtime = runtime or str(facts.get("DefaultRuntime", ""))
    if runtime not in _RUNTIMES:
        return f"the runtime {runtime} has a kernel of its own"
    if facts.get("KernelVersion") != os.uname().release:
        return "the engine runs on another kernel"
    return ""
