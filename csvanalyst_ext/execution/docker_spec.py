"""The launch specification of the sandbox container: what is asked for, and whether it was given.

Runs on the host.  Pure data and checks; nothing here talks to the engine.  ``differences``
compares it with what the engine says it made (engines of other makes silently ignore options);
what may be asked for at all is ``docker_validator``'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .docker_validator import unasked

USER: Final = "65532:65532"
DATA_TARGET: Final = "/data"
SCRATCH_TARGET: Final = "/tmp"  # noqa: S108 - inside the container
SCRATCH_FILES: Final = 4096
QUEUES_TARGET: Final = "/dev/mqueue"
"""The one other place that the engine makes writable for everybody, and nothing would empty it."""
LABEL: Final = "csvanalyst"
PIDS: Final = 128
GVISOR_PIDS: Final = 1024
"""The engine's process limit where gVisor is the runtime: it counts gVisor's own threads and a few for each process
of the sandbox, and gVisor ends when it cannot have one."""
GVISOR_PROCESSES: Final = 64
"""Processes and threads in such a sandbox, which the runner limits itself.  A forked one costs about 33 MiB."""


PROCESSES_TARGET: Final = "/proc"
"""gVisor lets every process open the descriptors of the others through it, among them the host's stream.  Nothing in
the sandbox needs it there.  (runc refuses to mount anything over it, and keeps hidden processes hidden.)"""
COVERED: Final = "size=4096,nr_inodes=1,mode=555,ro,noexec,nosuid,nodev"


def is_gvisor(runtime: str) -> bool:
    """Whether an engine's runtime of this name is gVisor: ``runsc``, or a variant such as ``runsc-kvm``."""
    return runtime.startswith("runsc")


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One container.  Sizes in bytes.  ``image`` is an image id (``sha256:…``), never a tag."""

    image: str
    data_dir: Path
    seccomp: str
    memory: int
    cpus: float
    scratch: int
    arguments: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""
    pids: int = PIDS
    open_files: int = 256
    network: str = "none"
    ipc: str = "none"
    user: str = USER
    read_only: bool = True
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    extra_mounts: tuple[str, ...] = ()
    pid_mode: str = ""
    userns: str = ""
    uts: str = ""

    def for_engine(self) -> dict[str, Any]:
        """The body of the engine's create call (Docker Engine API 1.41, ``POST /containers/create``)."""
        limits = {"nofile": self.open_files, "fsize": self.scratch, "core": 0}
        host: dict[str, Any] = {
            "NetworkMode": self.network,
            "IpcMode": self.ipc,
            "PidMode": self.pid_mode,
            "UTSMode": self.uts,
            "UsernsMode": self.userns,
            "CgroupnsMode": "private",
            "ReadonlyRootfs": self.read_only,
            "Privileged": self.privileged,
            "CapDrop": ["ALL"],
            "CapAdd": list(self.cap_add),
            "Devices": [{"PathOnHost": path} for path in self.devices],
            "SecurityOpt": ["no-new-privileges", f"seccomp={self.seccomp}"],
            "PidsLimit": self.pids,
            "Memory": self.memory,
            "MemorySwap": self.memory,
            "NanoCpus": int(self.cpus * 1e9),
            "Ulimits": [{"Name": name, "Soft": value, "Hard": value} for name, value in limits.items()],
            "Tmpfs": {
                SCRATCH_TARGET: f"size={self.scratch},nr_inodes={SCRATCH_FILES},mode=1777,noexec,nosuid,nodev",
                QUEUES_TARGET: COVERED,
                **({PROCESSES_TARGET: COVERED} if is_gvisor(self.runtime) else {}),
            },
            "Mounts": [
                {
                    "Type": "bind",
                    "Source": str(self.data_dir),
                    "Target": DATA_TARGET,
                    "ReadOnly": True,
                    "BindOptions": {"Propagation": "rprivate"},
                },
            ],
            "Binds": list(self.extra_mounts),
            "LogConfig": {"Type": "none", "Config": {}},
            "RestartPolicy": {"Name": "no"},
            "OomScoreAdj": 500,
            "AutoRemove": True,
            "Init": False,
        }
        if self.runtime:
            host["Runtime"] = self.runtime
        return {
            "Image": self.image,
            "Cmd": list(self.arguments),
            "User": self.user,
            "Hostname": "sandbox",
            "Env": [f"{key}={value}" for key, value in self.environment.items()],
            "Labels": {LABEL: "1", **self.labels},
            "Tty": False,
            "OpenStdin": True,
            "StdinOnce": True,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "NetworkDisabled": True,
            "StopTimeout": 1,
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": host,
        }


def differences(spec: LaunchSpec, inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """What the engine made otherwise than asked, as ``path: wanted …, got …``; empty when all is as asked."""
    wanted = spec.for_engine()
    host, got_host, got_config = wanted["HostConfig"], inspected.get("HostConfig", {}), inspected.get("Config", {})
    found = []
    for key in (
        "NetworkMode", "IpcMode", "PidMode", "UTSMode", "UsernsMode", "CgroupnsMode", "ReadonlyRootfs", "Privileged",
        "CapDrop",
        "CapAdd", "Devices", "SecurityOpt", "PidsLimit", "Memory", "MemorySwap", "NanoCpus", "Tmpfs", "Binds",
        "AutoRemove", "OomScoreAdj",
    ):  # fmt: skip
        if (got_host.get(key) or None) != (host[key] or None):
            found.append(_difference(f"HostConfig.{key}", host[key], got_host.get(key)))
    if got_host.get("LogConfig", {}).get("Type") != "none":
        found.append(_difference("HostConfig.LogConfig", "none", got_host.get("LogConfig")))
    if _by_name(got_host.get("Ulimits")) != _by_name(host["Ulimits"]):
        found.append(_difference("HostConfig.Ulimits", host["Ulimits"], got_host.get("Ulimits")))
    if spec.runtime and got_host.get("Runtime") != spec.runtime:
        found.append(_difference("HostConfig.Runtime", spec.runtime, got_host.get("Runtime")))
    mounts = [(m.get("Type"), m.get("Destination"), m.get("RW")) for m in inspected.get("Mounts", [])]
    if [mount for mount in mounts if mount[0] != "tmpfs"] != [("bind", DATA_TARGET, False)]:
        found.append(_difference("Mounts", "one read-only bind at /data", mounts))
    for key in ("User", "Tty", "Hostname"):
        if got_config.get(key) != wanted[key]:
            found.append(_difference(f"Config.{key}", wanted[key], got_config.get(key)))
    if inspected.get("Image") != spec.image:
        found.append(_difference("Image", spec.image, inspected.get("Image")))
    return (*found, *unasked(inspected))


def _by_name(ulimits: Any) -> dict[str, tuple[int, int]]:
    return {item["Name"]: (item["Soft"], item["Hard"]) for item in ulimits or []}


def _difference(path: str, wanted: Any, got: Any) -> str:
    return f"{path}: wanted {str(wanted)[:200]}, got {str(got)[:200]}"
