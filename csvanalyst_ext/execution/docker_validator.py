"""Refuses a sandbox container that is weaker than it must be, whatever made it so.

Runs on the host; looks at names of files, opens none, and does not talk to the engine.  What is checked is the
body of the engine's create call as it would be sent.  It is checked against the list below and against nothing
that the specification itself says: an option that is not on the list is refused, whatever its value.  ``unasked``
does the same for what the engine says it made.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import SpecRefused
from .docker_seccomp import seccomp_weaknesses

if TYPE_CHECKING:
    from .docker_spec import LaunchSpec

_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * _MIB
_DATA: Final = "/data"
_SOCKETS: Final = "/run/csvanalyst"
_RUNTIMES: Final = ("runc", "runsc", "crun", "kata-runtime", "kata")
"""Also with a suffix after ``-`` (``runsc-kvm``): engines name their variants so."""
_COVERED: Final = frozenset({"/dev/mqueue", "/proc"})
"""Places under which nothing may be seen or written; ``/proc`` where the runtime lets it be covered."""
_MUST_NOT_MOUNT: Final = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin"),
    *("/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/lib/docker", "/var/run", "/var/tmp"),  # noqa: S108
    *("/Applications", "/Library", "/System", "/Users", "/Volumes", "/private", "/private/tmp", "/private/var"),
)
"""Neither these nor what holds them; and nothing at all inside of the next ones."""
_MUST_NOT_MOUNT_FROM: Final = ("/boot", "/dev", "/etc", "/proc", "/sys", "/var/lib/docker")

Rule = Callable[[Any], bool]


def refuse_weaker(spec: LaunchSpec) -> None:
    """Raises ``SpecRefused`` (``sandbox_weak_spec``) naming everything that is weaker than it must be."""
    wrong = weaknesses(spec.for_engine())
    if wrong:
        raise SpecRefused(
            "sandbox_weak_spec",
            f"The sandbox was not started: its specification asks for {', '.join(wrong)}.",
            "Remove that setting; the sandbox is never started weaker than specified.",
            weaker=list(wrong),
        )


def weaknesses(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What is weaker in ``body`` (``POST /containers/create``) than a sandbox may be; empty when nothing is."""
    host = body.get("HostConfig")
    if not isinstance(host, Mapping):
        return ("no host configuration",)
    return (
        *_broken(body, _CONTAINER, optional=frozenset()),
        *_broken(host, _HOST, optional=frozenset({"Runtime"})),
        *_together(host),
        *_mount_weaknesses(host.get("Mounts")),
        *seccomp_weaknesses(_seccomp_of(host.get("SecurityOpt"))),
    )


def unasked(inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """What the engine gave the container that nobody asked for, from its answer to ``inspect``."""
    host = inspected.get("HostConfig", {})
    found = [f"HostConfig.{key}: wanted nothing, got {str(host[key])[:200]}" for key in _NOT_ASKED if host.get(key)]
    found += [
        f"HostConfig.{key}: nothing is covered" for key in ("MaskedPaths", "ReadonlyPaths") if host.get(key) == []
    ]
    if host.get("RestartPolicy", {}).get("Name", "no") not in ("", "no"):
        found.append(f"HostConfig.RestartPolicy: wanted no, got {host['RestartPolicy']}")
    if inspected.get("AppArmorProfile") == "unconfined":
        found.append("AppArmorProfile: unconfined")
    return tuple(found)


_NOT_ASKED: Final = (
    *(
        "CgroupParent",
        "DeviceCgroupRules",
        "DeviceRequests",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "ExtraHosts",
        "GroupAdd",
    ),
    *("Links", "OomKillDisable", "PortBindings", "PublishAllPorts", "Sysctls", "VolumesFrom", "CpuRealtimeRuntime"),
)


# --- the list -----------------------------------------------------------------------------------


def _exactly(value: Any) -> Rule:
    return lambda given: type(given) is type(value) and given == value


def _between(least: int, most: int) -> Rule:
    return lambda given: type(given) is int and least <= given <= most


def _one_of_types(*kinds: type) -> Rule:
    return lambda given: isinstance(given, kinds)


def _texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(item, str) for item in given)


def _labels(given: Any) -> bool:
    return isinstance(given, Mapping) and all(isinstance(item, str) for pair in given.items() for item in pair)


def _digest(given: Any) -> bool:
    name, _, digits = str(given).partition(":")
    return name == "sha256" and len(digits) == 64 and not set(digits) - set("0123456789abcdef")


def _known_runtime(given: Any) -> bool:
    return isinstance(given, str) and (given in _RUNTIMES or given.partition("-")[0] in ("runc", "runsc", "crun"))


def _security(given: Any) -> bool:
    """The two that are asked for, and no third: no ``apparmor=unconfined``, ``label=disable``, ``systempaths=…``."""
    return _texts(given) and len(given) == 2 and given[0] == "no-new-privileges" and given[1].startswith("seccomp=")


def _seccomp_of(given: Any) -> str:
    options = given if _texts(given) else []
    return next((option.partition("=")[2] for option in options if option.startswith("seccomp=")), "unconfined")


def _limits(given: Any) -> bool:
    """Hard limits for open files, file size and core files.  No ``nproc``: it counts across containers."""
    try:
        if any(set(item) != {"Name", "Soft", "Hard"} or item["Soft"] != item["Hard"] for item in given):
            return False
        limits = {item["Name"]: item["Hard"] for item in given}
        return (
            len(given) == 3
            and limits["core"] == 0
            and _between(64, 4096)(limits["nofile"])
            and _between(1, 1 << 50)(limits["fsize"])
        )
    except (TypeError, KeyError):
        return False


def _tmpfs(given: Any) -> bool:
    """A scratch directory without programs, devices and set-user-id, of a size; and places that are covered."""
    if not isinstance(given, Mapping) or not {"/tmp", "/dev/mqueue"} <= set(given) <= {"/tmp", *_COVERED}:  # noqa: S108
        return False
    scratch = _options(given["/tmp"])  # noqa: S108
    return (
        set(scratch) == {"size", "nr_inodes", "mode", "noexec", "nosuid", "nodev"}
        and scratch["mode"] == "1777"
        and 1 <= _number(scratch["nr_inodes"]) <= 65536
        and _number(scratch["size"]) >= _MIB
        and all(_covered(_options(given[place])) for place in set(given) & _COVERED)
    )


def _covered(options: Mapping[str, str]) -> bool:
    return (
        set(options) == {"size", "nr_inodes", "mode", "ro", "noexec", "nosuid", "nodev"}
        and 1 <= _number(options["size"]) <= 65536
        and _number(options["nr_inodes"]) == 1
        and options["mode"] == "555"
    )


def _options(text: Any) -> dict[str, str]:
    given: dict[str, str] = {}
    for option in str(text).split(","):
        name, equals, value = option.partition("=")
        # Said twice, or a switch with a value: the last one would hold, so neither is taken.
        if name in given or bool(equals) != (name in ("size", "nr_inodes", "mode")):
            return {}
        given[name] = value
    return given


def _number(text: Any) -> int:
    """``text`` as a number of units; 0, which tmpfs takes for no limit, when it is not a plain one."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() else 0


_HOST: Final[Mapping[str, tuple[str, Rule]]] = {
    "NetworkMode": ("a network", _exactly("none")),
    "IpcMode": ("shared memory with others (ipc)", _exactly("none")),
    "PidMode": ("a shared process namespace (pid)", _exactly("")),
    "UTSMode": ("a shared UTS namespace (uts)", _exactly("")),
    "UsernsMode": ("another user namespace than the engine's (userns)", _exactly("")),
    "CgroupnsMode": ("the host's control groups (cgroupns)", _exactly("private")),
    "ReadonlyRootfs": ("a writable root filesystem", _exactly(True)),
    "Privileged": ("privileged mode", _exactly(False)),
    "CapDrop": ("capabilities that are kept", _exactly(["ALL"])),
    "CapAdd": ("added capabilities", _exactly([])),
    "Devices": ("devices", _exactly([])),
    "SecurityOpt": ("other security options", _security),
    "PidsLimit": ("no sensible process limit", _between(16, 1024)),
    "Memory": ("no sensible memory limit", _between(128 * _MIB, 1 << 50)),
    "MemorySwap": ("no sensible swap limit", _between(128 * _MIB, 1 << 50)),
    "NanoCpus": ("no sensible CPU limit", _between(1, 1024 * 10**9)),
    "Ulimits": ("other process limits", _limits),
    "Tmpfs": ("other temporary file systems", _tmpfs),
    "Mounts": ("no list of mounts", _one_of_types(list)),
    "Binds": ("further mounts", _exactly([])),
    "LogConfig": ("a log on the host", _exactly({"Type": "none", "Config": {}})),
    "RestartPolicy": ("a restart without the host's doing", _exactly({"Name": "no"})),
    "OomScoreAdj": ("protection when memory is short", _between(0, 1000)),
    "AutoRemove": ("a container that is left behind", _exactly(True)),
    "Init": ("another first process", _exactly(False)),
    "Runtime": ("an unknown runtime", _known_runtime),
}
_CONTAINER: Final[Mapping[str, tuple[str, Rule]]] = {
    "Image": ("an image that is not named by digest", _digest),
    "Cmd": ("other arguments", _texts),
    "User": ("a user other than the fixed one", _exactly("65532:65532")),
    "Hostname": ("a name of the host", _exactly("sandbox")),
    "Env": ("environment variables", _exactly([])),
    "Labels": ("other labels", _labels),
    "Tty": ("a terminal", _exactly(False)),
    "OpenStdin": ("an input that is none", _one_of_types(bool)),
    "StdinOnce": ("an input that is none", _one_of_types(bool)),
    "AttachStdin": ("an input that is none", _one_of_types(bool)),
    "AttachStdout": ("an output that is none", _one_of_types(bool)),
    "AttachStderr": ("an output that is none", _one_of_types(bool)),
    "NetworkDisabled": ("a network", _exactly(True)),
    "StopTimeout": ("a long goodbye", _between(0, 10)),
    "Healthcheck": ("a program that the engine runs in it", _exactly({"Test": ["NONE"]})),
    "HostConfig": ("no host configuration", _one_of_types(dict)),
}


def _broken(given: Mapping[str, Any], rules: Mapping[str, tuple[str, Rule]], optional: frozenset[str]) -> Iterator[str]:
    for name, (what, holds) in rules.items():
        if (name in given or name not in optional) and not holds(given.get(name)):
            yield what
    for name in sorted(set(given) - set(rules)):
        yield f"an option that no sandbox has ({name[:60]})"


def _together(host: Mapping[str, Any]) -> Iterator[str]:
    """What only holds of several options: memory may not be swapped out, nor the scratch directory exceed it …"""
    memory, tmpfs = host.get("Memory"), host.get("Tmpfs")
    if str(host.get("Runtime", "")).startswith("runsc") and isinstance(tmpfs, Mapping) and "/proc" not in tmpfs:
        yield "gVisor with the other processes' descriptors in reach (/proc)"
    if host.get("MemorySwap") != memory:
        yield "memory that may be swapped"
    if isinstance(memory, int) and isinstance(tmpfs, Mapping):
        scratch = _number(_options(tmpfs.get("/tmp")).get("size"))  # noqa: S108
        if scratch > memory:
            yield "a scratch directory larger than the memory"
        ulimits = host.get("Ulimits")
        sizes = [item["Hard"] for item in ulimits or [] if item["Name"] == "fsize"] if _limits(ulimits) else []
        if any(size > scratch for size in sizes):
            yield "files larger than the scratch directory"


# --- mounts ---------------------------------------------------------------------------------------


def _mount_weaknesses(mounts: Any) -> Iterator[str]:
    """The data of one session, and perhaps the host's one socket, both read-only; nothing else."""
    if not isinstance(mounts, list) or not all(isinstance(mount, Mapping) for mount in mounts):
        yield "mounts that are none"
        return
    targets = [mount.get("Target") for mount in mounts]
    if targets.count(_DATA) != 1 or any(targets.count(target) > 1 for target in targets):
        yield "other mounts than the data"
    for mount in mounts:
        target, source = mount.get("Target"), mount.get("Source")
        if target not in (_DATA, _SOCKETS) or set(mount) != {"Type", "Source", "Target", "ReadOnly", "BindOptions"}:
            yield f"a further mount ({str(target)[:60]})"
        elif mount["Type"] != "bind" or mount["ReadOnly"] is not True:
            yield f"a mount that can be written ({target})"
        elif mount["BindOptions"] != {"Propagation": "rprivate"}:
            yield f"a mount that passes on what is mounted later ({target})"
        elif not isinstance(source, str):
            yield f"a mount of nothing ({target})"
        else:
            yield from _source_weaknesses(source, sockets=target == _SOCKETS)


def _source_weaknesses(source: str, *, sockets: bool) -> Iterator[str]:
    path = Path(source)
    if not path.is_absolute() or ".." in path.parts or not path.is_dir():
        yield f"a mount of what is no directory ({source[:200]})"
        return
    real = path.resolve()
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib's raises for a user without one
    kept = [Path(name) for name in (*_MUST_NOT_MOUNT, home)]
    kept += [place.resolve() for place in kept]
    inside = [Path(name).resolve() for name in _MUST_NOT_MOUNT_FROM]
    if any(place.is_relative_to(real) for place in kept) or any(real.is_relative_to(place) for place in inside):
        yield f"a mount of more than the data ({source[:200]})"
        return
    try:
        yield from _content_weaknesses(real, sockets=sockets)
    except OSError as error:
        yield f"a mount that cannot be looked at ({error.strerror})"


def _content_weaknesses(place: Path, *, sockets: bool) -> Iterator[str]:
    """A session's directory holds ``incoming`` and ``tables`` with files in them; the other one socket."""
    if sockets:
        kinds = [stat.S_IFMT(entry.lstat().st_mode) for entry in place.iterdir()]
        if len(kinds) > 1 or set(kinds) - {stat.S_IFSOCK}:
            yield "a mount that holds more than the one socket"
        return
    for entry in place.iterdir():
        if entry.name not in ("incoming", "tables") or entry.is_symlink() or not entry.is_dir():
            yield f"a mount that holds other things than data ({entry.name[:60]})"
            continue
        for file in entry.iterdir():
            try:
                if not stat.S_ISREG(file.lstat().st_mode):
                    yield f"a mount with something other than files in it ({entry.name}/{file.name[:60]})"
            except FileNotFoundError:  # another thread has just discarded it
                continue
