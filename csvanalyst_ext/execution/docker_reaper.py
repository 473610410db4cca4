"""Removes sandbox containers whose owner is gone.

Runs on the host.  A container ends by itself when its owner's end of the stream closes, even when
the owner was killed; this is the net below: it finds what was created but never started, or
cannot end.  It touches only containers with our label.
"""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.owners import started
from .docker_client import hurried
from .docker_spec import LABEL

if TYPE_CHECKING:
    import docker

OWNER, HOST = f"{LABEL}.owner", f"{LABEL}.host"


def owner_labels() -> dict[str, str]:
    """Who owns a container started by this process: ``PID:start time``, and on which machine."""
    return {OWNER: f"{os.getpid()}:{started(os.getpid())}", HOST: machine()}


def machine() -> str:
    """A name for this boot of this machine and process namespace; process numbers mean something only within."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)).hex


def reap(client: docker.DockerClient) -> int:
    """Remove our containers on this machine whose owner process is gone; how many there were."""
    removed = 0
    for container in client.api.containers(all=True, filters={"label": [f"{LABEL}=1", f"{HOST}={machine()}"]}):
        pid, _, start = container["Labels"].get(OWNER, "").partition(":")
        if pid.isdigit() and start and started(int(pid)) == start:
            continue
        remove(client, container["Id"])
        removed += 1
    return removed


def remove(client: docker.DockerClient, container: str) -> None:
    """Remove one container, running or not.  One that is gone, or an engine that is or hangs, is no error: without
    its connection the container ends by itself."""
    from docker.errors import DockerException
    from requests import RequestException

    with hurried(client), contextlib.suppress(DockerException, RequestException):
        client.api.remove_container(container, force=True, v=True)
