"""Builds the runner image: base, wheels, libraries, code; each kept, so that a change of code takes a second.

Runs on the host, only when a person asks for it; no session imports this.  Wheels are downloaded
here, checked against the hashes of the lock, and the build itself runs without network.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from ..errors import AnalystError, ImageUnavailable, StorageError
from . import docker_base, docker_client, docker_image, docker_wheels
from .docker_image import LABEL_BUILD, LABEL_IMAGE, LABEL_PROTOCOL, ImageFacts, ImageSpec

if TYPE_CHECKING:
    import docker

Progress = Callable[[str], None]

LIBRARIES: Final = "csvanalyst-libraries"
LABEL_BASE: Final = "csvanalyst.base"
LEFTOVERS: Final = ("csvanalyst.stage=install", LABEL_BASE)
KEPT_RUNNERS: Final = 4  # other checkouts and versions may use the older ones
ENGINE_ROOM: Final = 4e9  # bytes the engine needs for a moment while the libraries are made
CACHE_ROOM: Final = 1e9  # bytes for the wheels, the base and the build context
NO_ROOM_LEFT: Final = 2e8  # bytes; a build that fails with less has most likely failed because of it
BUILD_TIMEOUT: Final = 1800
_STORAGE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG)


def build(progress: Progress, *, base: str, refresh: bool, home: Path) -> ImageFacts:
    """See ``docker_image.build``."""
    from docker.errors import DockerException

    started = time.monotonic()
    spec = docker_image.expected()
    client = docker_client.connect()
    client.api.timeout = BUILD_TIMEOUT  # the engine is silent while a step runs
    try:
        if not refresh and not base:
            with contextlib.suppress(ImageUnavailable):
                image = client.images.get(docker_image.find(client))
                _tag_latest(image)
                return ImageFacts(str(image.id), spec.tag, int(image.attrs["Size"]), time.monotonic() - started)
        libraries = _libraries(client, progress, base=base, refresh=refresh, home=home)
        progress(f"image: adding the runner's code ({spec.tag})")
        image = _run_build(
            client,
            docker_image.runner_files(),
            {"csvanalyst_ext/__init__.py": b""},
            home,
            tag=spec.tag,
            arguments={"LIBRARIES": libraries},
            labels=_labels(spec),
        )
        _tag_latest(image)
        _drop_old(client, docker_image.REPOSITORY, keep=KEPT_RUNNERS, needed=spec.tag)
        return ImageFacts(str(image.id), spec.tag, int(image.attrs["Size"]), time.monotonic() - started)
    except (DockerException, OSError) as error:
        raise _typed(error, home) from error
    finally:
        client.close()


def remove() -> tuple[str, ...]:
    """Remove all images of this product that no container uses.  Returns their tags."""
    client = docker_client.connect()
    removed = []
    for repository in (docker_image.REPOSITORY, LIBRARIES, docker_base.REPOSITORY):
        removed += _drop_old(client, repository, keep=0)
    _prune(client)
    return tuple(removed)


def _labels(spec: ImageSpec) -> dict[str, str]:
    return {LABEL_IMAGE: "1", LABEL_PROTOCOL: spec.protocol_hash, LABEL_BUILD: spec.build_hash}


def _tag_latest(image: Any) -> None:
    image.tag(docker_image.REPOSITORY, "latest")


def _libraries(client: docker.DockerClient, progress: Progress, *, base: str, refresh: bool, home: Path) -> str:
    """The tag of the libraries image for the lock at hand; built when it is not there."""
    from docker.errors import ImageNotFound

    files = docker_image.library_files()
    identity = hashlib.sha256(f"{docker_image.hash_files(files)} {base}".encode()).hexdigest()
    tag = f"{LIBRARIES}:{identity[:12]}"
    if not refresh:
        with contextlib.suppress(ImageNotFound):
            client.images.get(tag)
            return tag
    _require_room(client, home, ENGINE_ROOM, CACHE_ROOM)
    architecture = docker_wheels.architecture(client)
    start = docker_base.provide(client, progress, base=base, refresh=refresh, home=home, architecture=architecture)
    wheels = docker_wheels.download(files["requirements.lock"], architecture, home, progress)
    progress("image: installing the libraries, without network (about a minute)")
    packed = {f"wheels/{path.name}": path for path in wheels}
    try:
        _run_build(
            client,
            {**files, **packed},
            {},
            home,
            tag=tag,
            dockerfile="Dockerfile.libraries",
            arguments={"BASE": start.tag},
            labels={LABEL_BASE: start.origin},
            fresh=refresh,
        )
    finally:
        _prune(client)
    _drop_old(client, LIBRARIES, keep=2, needed=tag)
    return tag


def _run_build(
    client: docker.DockerClient,
    files: Mapping[str, Path],
    texts: Mapping[str, bytes],
    home: Path,
    *,
    tag: str,
    arguments: dict[str, str],
    labels: dict[str, str],
    dockerfile: str = "Dockerfile",
    fresh: bool = False,
) -> Any:
    """One build through the engine's API; the built image.

    Raises ``ImageUnavailable`` (``image_build_failed``), or ``StorageError`` when the disk has filled up.
    """
    log: list[str] = []
    with _packed(files, texts, home) as context:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=dockerfile,
            tag=tag,
            buildargs=arguments,
            labels=labels,
            network_mode="none",
            nocache=fresh,
            rm=True,
            forcerm=True,
            decode=True,
            use_config_proxy=False,
        )
        for event in events:
            if "error" in event:
                _require_room(client, home, NO_ROOM_LEFT, NO_ROOM_LEFT)
                tail = "".join(log[-15:]).strip()
                raise ImageUnavailable(
                    "image_build_failed",
                    f"Building {tag} failed: {str(event['error']).strip()}\n{tail}",
                    "Try `csvanalyst image build --refresh`; if it fails again, report it with these lines.",
                )
            log.append(str(event.get("stream", "")))
    return client.images.get(tag)


@contextlib.contextmanager
def _packed(files: Mapping[str, Path], texts: Mapping[str, bytes], home: Path) -> Iterator[IO[bytes]]:
    """A build context: a tar whose bytes depend on names and contents only, so that the engine's cache holds."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=home) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, path in sorted(files.items()):
                with path.open("rb") as source:
                    tar.addfile(_member(name, path.stat().st_size), source)
            for name, text in sorted(texts.items()):
                tar.addfile(_member(name, len(text)), io.BytesIO(text))
        file.seek(0)
        yield file


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, 0
    return member


def _drop_old(client: docker.DockerClient, repository: str, *, keep: int, needed: str = "") -> list[str]:
    """Remove all but the newest ``keep`` tags of a repository and the ``needed`` one, which the engine's cache may have
    made long ago; what a container uses stays.  Returns the removed tags."""
    from docker.errors import APIError

    tagged = [
        (image.attrs["Created"], tag)
        for image in client.images.list(name=repository)
        for tag in image.tags
        if tag.startswith(f"{repository}:") and not (keep and tag.endswith(":latest"))  # it may have others' tags
    ]
    removed = []
    for _, tag in sorted(tagged, key=lambda one: (one[1] == needed, one), reverse=True)[keep:]:
        with contextlib.suppress(APIError):  # a container uses it
            client.images.remove(tag)
            removed.append(tag)
    return removed


def _prune(client: docker.DockerClient) -> None:
    """Remove what builds leave without a name: the install stage, and what a newer build took the tag of."""
    for label in LEFTOVERS:
        client.images.prune(filters={"dangling": True, "label": label})


def _require_room(client: docker.DockerClient, home: Path, engine: float, cache: float) -> None:
    """Raises ``StorageError`` when less than this many bytes are free where the engine and ``home`` keep theirs.

    An engine in a virtual machine or elsewhere keeps them out of sight; it is not asked then.
    """
    engine_place = Path(str(client.info().get("DockerRootDir", "")))
    cache_place = next(path for path in (home, *home.parents) if path.is_dir())
    for place, needed in ((engine_place, engine), (cache_place, cache)):
        if place.is_dir() and (free := shutil.disk_usage(place).free) < needed:
            raise StorageError(
                "image_no_disk",
                f"There is not enough room to build the runner image: {free / 1e9:.1f} GB are free at {place}, "
                f"{ENGINE_ROOM / 1e9:.0f} GB are needed for the engine and {CACHE_ROOM / 1e9:.0f} GB for downloads.",
                "Free some space (`docker system prune` removes unused images) and build again.",
            )


def _typed(error: Exception, home: Path) -> AnalystError:
    from docker.errors import APIError

    if isinstance(error, APIError):
        return ImageUnavailable(
            "image_build_failed",
            f"The engine refused to build the image: {str(error.explanation or error).rstrip('.')}.",
            "`csvanalyst doctor` tells what the engine can do.",
        )
    if isinstance(error, OSError) and error.errno in _STORAGE:
        return StorageError(
            "image_storage",
            f"Building the image failed at {error.filename or home}: {error.strerror}.",
            "Free some space there, or name another place: CSVANALYST_HOME.",
        )
    return docker_client.unavailable(error)
