"""A second Docker engine for this machine, whose containers can run under gVisor (the runtime ``runsc``).

A running engine would have to be restarted to learn a runtime, so this is one of our own beside it:
own data, socket, log and network namespace, nothing of the machine's is changed.  ``start`` leaves it
running, ``stop`` ends it, ``run -- COMMAND`` runs a command against it (``DOCKER_HOST`` and
``CSVANALYST_DOCKER_RUNTIME`` are set) and ends it after the last such command; ``status`` only tells.
Needs Linux and root.  Standard library only, like ``engine.py``, which does the work.

``CSVANALYST_GVISOR_DIR`` names another directory than ``.cache/gvisor``.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HOME = Path(os.environ.get("CSVANALYST_GVISOR_DIR") or Path(__file__).resolve().parents[1] / ".cache" / "gvisor")
os.environ["CSVANALYST_ENGINE_DIR"] = str(HOME.absolute())
os.environ["DOCKER_HOST"] = f"unix://{HOME.absolute()}/docker.sock"
os.environ["CSVANALYST_DOCKER_RUNTIME"] = "runsc"

import engine  # noqa: E402 - it reads the variables above

PACKAGE = "runsc"
# ptrace needs neither a module nor a virtual machine, so it works on every kernel; the sandbox has no network.
RUNTIME_ARGUMENTS = ("--platform=ptrace", "--network=none")
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path, see unix(7)."""


def prepare() -> None:
    """What has to be there before the engine starts.  Raises ``engine.Unavailable``."""
    if engine.recorded():
        return
    if len(str(engine.STATE / "docker.sock")) > LONGEST_SOCKET:
        raise engine.Unavailable(
            f"the path {engine.STATE} is too long for a socket.\n  Set CSVANALYST_GVISOR_DIR to a short one."
        )
    if sys.platform != "linux":
        raise engine.Unavailable("gVisor runs on Linux only.")
    prefix = engine._rights()
    runsc = shutil.which(PACKAGE, path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin") or _install(prefix)
    sweep()
    configuration = {"runtimes": {"runsc": {"path": runsc, "runtimeArgs": list(RUNTIME_ARGUMENTS)}}}
    engine.STATE.mkdir(parents=True, exist_ok=True)
    (engine.STATE / "daemon.json").write_text(json.dumps(configuration, indent=1) + "\n")


def _install(prefix: list[str]) -> str:
    if shutil.which("apt-get") is None:
        raise engine.Unavailable("runsc is not installed.\n  Install gVisor (its site has packages), then try again.")
    engine.say(f"gVisor is not installed; installing {PACKAGE} (apt-get)")
    engine.STATE.mkdir(parents=True, exist_ok=True)
    engine.apt_install(prefix, (PACKAGE,))
    found = shutil.which(PACKAGE)
    if found is None:
        raise engine.Unavailable(f"the package {PACKAGE} brought no runsc")
    return found


def sweep() -> None:
    """End what an engine of ours that is gone has left: shims, sandboxes, gofers, mounts, control groups."""
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    left = list(_left())
    for pid in left:
        subprocess.run([*prefix, "kill", f"-{int(signal.SIGKILL)}", str(pid)], check=False, capture_output=True)
    if left:
        engine.say(f"ended {len(left)} processes that an engine before this one left")
        engine._wait(lambda: not list(_left()), 10.0)
        # The engine takes a number that is still there, if only of the dead, for a containerd to connect to.
        (engine.STATE / "run" / "containerd" / "containerd.pid").unlink(missing_ok=True)
    for mount in reversed(list(_mounts())):
        subprocess.run([*prefix, "umount", "--lazy", mount], check=False, capture_output=True)


def _left() -> Iterator[int]:
    """Processes of gVisor and of the engine that were started with a path in our directory."""
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            program, *arguments = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
            name = Path(program).name
            if name.startswith(("runsc", "containerd", "dockerd")) and any(
                f"{engine.STATE}/" in argument for argument in arguments
            ):
                yield int(directory.name)


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1].encode().decode("unicode_escape")
        if target.startswith(f"{engine.STATE}/"):
            yield target


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["start"]:
                prepare()
                code = engine.main(arguments)
            case ["run", "--", _, *_]:
                with engine.locked("prepare.lock", engine.fcntl.LOCK_EX):
                    prepare()
                code = engine.main(arguments)
            case ["stop"] | ["status"]:
                code = engine.main(arguments)
            case _:
                print("usage: gvisor.py start | stop | status | run -- COMMAND …", file=sys.stderr)
                return 2
    except engine.Unavailable as error:
        print(f"gvisor: {error}", file=sys.stderr)
        return 1
    if arguments != ["status"] and engine.recorded() is None:
        sweep()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
