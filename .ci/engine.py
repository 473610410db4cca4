"""A Docker engine for this machine: used as it is when one answers, started when none does.

``start`` leaves it running, ``stop`` ends it, ``run -- COMMAND`` ends it after the command, ``status``
only tells.  Only an engine that this script started is ever stopped.  Standard library only, because
it runs before the virtual environment exists.

``CSVANALYST_ENGINE_DIR`` names a directory for an engine of its own (data, socket, log), apart from
the machine's; set ``DOCKER_HOST=unix://$CSVANALYST_ENGINE_DIR/docker.sock`` with it.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

OWN = os.environ.get("CSVANALYST_ENGINE_DIR", "")
STATE = Path(OWN or Path(__file__).resolve().parents[1] / ".cache" / "engine").absolute()
DEFAULT = "unix:///var/run/docker.sock"
PACKAGES = ("docker.io", "iptables")
READY_WITHIN = 90.0
STOPPED_WITHIN = 40.0
# The sandbox has no network, so an engine that may not make one on this machine serves as well.
NO_NETWORK = ("--bridge=none", "--iptables=false", "--ip6tables=false")


class Unavailable(Exception):
    """No engine, and none can be started here.  The text says what is missing and what to do."""


# --- is there one? --------------------------------------------------------------------------------


def address() -> str:
    """Where clients look: DOCKER_HOST, the current Docker context, the default socket."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    configuration = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        chosen = json.loads((configuration / "config.json").read_text()).get("currentContext", "default")
        name = os.environ.get("DOCKER_CONTEXT") or chosen
        if name != "default":
            directory = hashlib.sha256(name.encode()).hexdigest()
            meta = json.loads((configuration / "contexts" / "meta" / directory / "meta.json").read_text())
            return str(meta["Endpoints"]["docker"]["Host"])
    return DEFAULT


def ping(where: str) -> bool:
    """Whether an engine answers there.  Raises ``PermissionError`` when it is there but not for this user."""
    parts = urlsplit(where)
    if parts.scheme not in ("unix", "tcp", "http") or os.environ.get("DOCKER_TLS_VERIFY"):
        client = shutil.which("docker")
        return client is not None and _quiet([client, "version"], timeout=30) == 0
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port or 2375, timeout=10)
    try:
        if parts.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(10)
            connection.sock.connect(parts.path)
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except PermissionError:
        raise
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def answers() -> bool:
    """Raises ``Unavailable`` when the engine is there but not for this user."""
    where = address()
    try:
        return ping(where)
    except PermissionError:
        raise Unavailable(
            f"a Docker engine is at {where}, but this user may not talk to it.\n"
            "  Run: sudo usermod -aG docker $USER   and log in again."
        ) from None


# --- ours -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """The engine that this script started.  ``started`` is the kernel's start time, so that a process
    number that was given to another process is not taken for ours."""

    pid: int
    started: str
    keep: bool


def recorded() -> Ours | None:
    """The engine that we started, if it still runs."""
    try:
        ours = Ours(**json.loads((STATE / "engine.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return ours if start_time(ours.pid) == ours.started else None


def start_time(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


@contextlib.contextmanager
def locked(name: str, mode: int) -> Iterator[bool]:
    """Hold a lock among the runs of this script; whether it was got."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / name).open("w") as file:
        try:
            fcntl.flock(file, mode)
        except BlockingIOError:
            yield False
        else:
            yield True


def start(keep: bool) -> None:
    with locked("start.lock", fcntl.LOCK_EX):
        if answers():
            ours = recorded()
            if ours and keep and not ours.keep:
                _record(Ours(ours.pid, ours.started, keep=True))
            say(f"answers already at {address()}{' (started by this script)' if ours else ''}")
            return
        prefix = _rights()
        daemon = _find_daemon() or _install(prefix)
        if not OWN and Path("/run/systemd/system").is_dir() and _quiet(["systemctl", "cat", "docker.service"]) == 0:
            _start_service(prefix)
        else:
            _start_daemon(prefix, daemon, keep)


def stop() -> None:
    ours = recorded()
    if ours is None:
        say("none that was started by this script; nothing to stop")
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for signal_, patience in ((signal.SIGTERM, STOPPED_WITHIN), (signal.SIGKILL, 5.0)):
        subprocess.run([*prefix, "kill", f"-{int(signal_)}", str(ours.pid)], check=False)
        if _wait(lambda: recorded() is None, patience):
            (STATE / "engine.json").unlink(missing_ok=True)
            say("stopped")
            return
    raise Unavailable(f"process {ours.pid} does not end; see {STATE / 'dockerd.log'}")


def run(command: list[str]) -> int:
    """Run a command with an engine; the last such run to end stops the engine, if this script started it."""
    with locked("users.lock", fcntl.LOCK_SH):
        start(keep=False)
        try:
            with subprocess.Popen(command) as child:
                for number in (signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, lambda received, _: child.send_signal(received))
                while True:
                    try:
                        code = child.wait()
                        break
                    except KeyboardInterrupt:
                        continue  # the terminal told the child as well
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    with locked("users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        ours = recorded()
        if alone and ours is not None and not ours.keep:
            stop()
    return code if code >= 0 else 128 - code


# --- starting one ---------------------------------------------------------------------------------


def _rights() -> list[str]:
    """What to put before a command that needs root.  Raises ``Unavailable`` where none may be started."""
    where = address()
    if where != DEFAULT and not OWN:
        raise Unavailable(
            f"no Docker engine answers at {where}, which DOCKER_HOST or the current Docker context names.\n"
            "  Start that engine, or choose another: unset DOCKER_HOST; docker context use default"
        )
    if sys.platform != "linux":
        raise Unavailable("no Docker engine answers.\n  Install or start Docker Desktop, then try again.")
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _quiet(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    advice = "sudo systemctl start docker" if _find_daemon() else f"sudo apt-get install -y {' '.join(PACKAGES)}"
    raise Unavailable(
        "no Docker engine answers, and this user may not start one.\n"
        f"  Run: {advice}   and then: sudo usermod -aG docker $USER   (and log in again), or start Docker Desktop."
    )


def _find_daemon() -> str | None:
    return shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


def _install(prefix: list[str]) -> str:
    if shutil.which("apt-get") is None:
        raise Unavailable("no Docker engine is installed.\n  Install Docker Engine or Docker Desktop, then try again.")
    say(f"none is installed; installing {' '.join(PACKAGES)} (apt-get)")
    apt_install(prefix, PACKAGES)
    found = _find_daemon()
    if found is None:
        raise Unavailable(f"the packages brought no dockerd; see {STATE / 'install.log'}")
    return found


def apt_install(prefix: list[str], packages: tuple[str, ...]) -> None:
    """Install Debian packages.  Raises ``Unavailable`` with the end of what apt-get said."""
    log = STATE / "install.log"
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    with log.open("wb") as file:
        for command in (["apt-get", "update"], install):
            if subprocess.run(
                [*prefix, *environment, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            ).returncode:
                raise Unavailable(f"`{' '.join(command)}` failed:\n{_tail(log)}\n  Run it by hand to see why.")


def _start_service(prefix: list[str]) -> None:
    """Where systemd runs the engine it belongs to the machine: it is started, and stays."""
    say("starting the docker service; it stays")
    if _quiet([*prefix, "systemctl", "start", "docker"], timeout=READY_WITHIN) or not _wait(answers, READY_WITHIN):
        raise Unavailable("the docker service does not start.\n  See: systemctl status docker")


def _start_daemon(prefix: list[str], daemon: str, keep: bool) -> None:
    log = STATE / "dockerd.log"
    group = [] if os.geteuid() == 0 else [f"--group={os.getegid()}"]
    own: list[str] = []
    if OWN:  # in a network of its own: two engines in one take each other's bridge away
        prefix = [*prefix, "unshare", "--net"]
        own = [f"--data-root={STATE}/data", f"--exec-root={STATE}/run", f"--host=unix://{STATE}/docker.sock"]
        if (STATE / "daemon.json").exists():  # what cannot be said on the command line, such as a runtime's arguments
            own.append(f"--config-file={STATE}/daemon.json")
    for extra in (NO_NETWORK,) if OWN else ((), NO_NETWORK):
        say(f"none answers; starting {' '.join([daemon, *extra])} (log: {log})")
        if _launch([*prefix, daemon, f"--pidfile={STATE / 'dockerd.pid'}", *group, *own, *extra], log, keep):
            return
    raise Unavailable(f"dockerd does not start on this machine:\n{_tail(log)}\n  The whole log: {log}")


def _launch(command: list[str], log: Path, keep: bool) -> bool:
    """Start the daemon apart from this script's terminal, pipes and session; whether it got ready."""
    began = time.monotonic()
    if recorded() is None:  # left by an engine that was killed; its number may be somebody else's by now
        (STATE / "dockerd.pid").unlink(missing_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd="/", start_new_session=True
        )
    _wait(lambda: process.poll() is not None or answers(), READY_WITHIN)
    if process.poll() is None and answers():
        pid = int((STATE / "dockerd.pid").read_text())
        _record(Ours(pid, start_time(pid) or "", keep))
        process.returncode = 0  # it outlives this script on purpose
        say(f"ready after {time.monotonic() - began:.1f} s")
        return True
    if process.poll() is None:
        process.terminate()
        process.wait(STOPPED_WITHIN)
    return False


def _record(ours: Ours) -> None:
    part = STATE / "engine.json.part"
    part.write_text(json.dumps(ours.__dict__))
    part.replace(STATE / "engine.json")


def _wait(condition: Callable[[], bool], patience: float) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def _quiet(command: list[str], timeout: float = 30.0) -> int:
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 127


def _tail(log: Path) -> str:
    return "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-8:])


def say(text: str) -> None:
    print(f"engine: {text}", flush=True)


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["start"]:
                start(keep=True)
            case ["stop"]:
                stop()
            case ["status"]:
                ours = " (started by this script)" if recorded() else ""
                say(f"{'answers' if answers() else 'none answers'} at {address()}{ours}")
            case ["run", "--", command, *rest]:
                return run([command, *rest])
            case _:
                print("usage: engine.py start | stop | status | run -- COMMAND …", file=sys.stderr)
                return 2
    except Unavailable as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"engine: {error.filename} cannot be written; run as the owner of this checkout.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
