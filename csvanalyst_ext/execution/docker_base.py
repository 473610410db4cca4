"""The base of the image: Debian 12 with Python 3.11, from a registry or from Debian's packages.

Runs on the host, only while the image is built.  Both roads end in the same Python, so one lock of
wheels serves both; the final image takes only the interpreter and its shared objects from here.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ImageUnavailable
from .docker_wheels import ARCHITECTURES

if TYPE_CHECKING:
    import docker

REPOSITORY: Final = "csvanalyst-base"
OFFICIAL: Final = "python:3.11-slim-bookworm"
SUITE: Final = "bookworm"
PACKAGES: Final = ("python3", "tzdata", "libstdc++6")
INSTALL: Final = "apt-get install -y --no-install-recommends mmdebstrap debian-archive-keyring"


@dataclass(frozen=True, slots=True)
class Base:
    """An image to build on.  ``origin`` says where it came from, by digest where there is one."""

    tag: str
    origin: str


def provide(
    client: docker.DockerClient,
    progress: Callable[[str], None],
    *,
    base: str,
    refresh: bool,
    home: Path,
    architecture: str,
) -> Base:
    """A base image on the engine.  Raises ``ImageUnavailable`` (``image_no_base``) when neither road is open."""
    from docker.errors import APIError, ImageNotFound

    ours = f"{REPOSITORY}:{SUITE}"
    for tag in () if refresh else (base,) if base else (OFFICIAL, ours):
        with contextlib.suppress(ImageNotFound):
            return _known(client, tag)
    wanted = base or OFFICIAL
    progress(f"image: asking the registry for {wanted}")
    try:
        client.images.pull(wanted, platform=f"linux/{'amd64' if architecture == 'x86_64' else 'arm64'}")
        return _known(client, wanted)
    except APIError as error:
        if base:
            raise ImageUnavailable(
                "image_no_base",
                f"The base image {base} is not on this engine and cannot be pulled:\n{error.explanation or error}\n",
                "Name an image that is there, or leave the base out.",
            ) from error
        reason = str(error.explanation or error)
    progress("image: no registry answers; making the base from Debian's packages (about 30 s)")
    _from_packages(client, ours, home, architecture, reason)
    return _known(client, ours)


def _known(client: docker.DockerClient, tag: str) -> Base:
    image = client.images.get(tag)
    digests = image.attrs.get("RepoDigests") or [f"{tag}@{image.id}"]
    return Base(tag, str(digests[0]))


def _from_packages(client: docker.DockerClient, tag: str, home: Path, architecture: str, reason: str) -> None:
    if ARCHITECTURES.get(platform.machine()) != architecture:
        raise _closed(reason, f"this machine is {platform.machine()} and the engine is {architecture}", "")
    tool = _mmdebstrap(reason)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".base-") as directory:
        archive = Path(directory) / "root.tar"
        command = [tool, "--quiet", "--variant=essential", f"--include={','.join(PACKAGES)}", SUITE, str(archive)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise _closed(reason, f"mmdebstrap failed: {done.stderr.strip()[-1500:]}", f"try {' '.join(command)}")
        repository, name = tag.split(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=name)


def _mmdebstrap(reason: str) -> str:
    """The tool's path; installed when it is missing and this user may.  Raises ``ImageUnavailable``."""
    if found := shutil.which("mmdebstrap"):
        return found
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        raise _closed(reason, "a base from Debian's packages can only be made on Debian or Ubuntu", "")
    if os.geteuid() != 0:
        raise _closed(reason, "mmdebstrap is not installed", f"run: sudo {INSTALL}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], INSTALL.split()):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
        if done.returncode:
            why = f"mmdebstrap could not be installed: {done.stderr.strip()[-1000:]}"
            raise _closed(reason, why, f"run: {INSTALL}")
    return shutil.which("mmdebstrap") or "mmdebstrap"


def _closed(reason: str, why: str, hint: str) -> ImageUnavailable:
    return ImageUnavailable(
        "image_no_base",
        f"There is no base for the runner image.  The registry: {reason}.  Debian's packages: {why}.",
        f"Make a container registry reachable (`docker pull {OFFICIAL}` must work){', or ' + hint if hint else ''}.",
    )
