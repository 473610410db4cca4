"""The runner image: what it must be, whether it is there, and how it is made.

Runs on the host.  ``find`` is all that a session needs; ``build`` is for people and ``make image``.
Nothing of the host gets into the image but the files of ``context_files``, and the build has no
network.  The work of building is in ``docker_build``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .. import protocol, terminal
from ..config import resolve
from ..errors import AnalystError, ImageUnavailable

if TYPE_CHECKING:
    import docker

REPOSITORY: Final = "csvanalyst-runner"
LABEL_IMAGE: Final = "csvanalyst.image"
LABEL_PROTOCOL: Final = "csvanalyst.protocol"
LABEL_BUILD: Final = "csvanalyst.build"
BUILD_HINT: Final = "Build it: `csvanalyst image build` (in a checkout: `make image`)."


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """The image that this version of the package needs.  Hashes are SHA-256, hex."""

    tag: str
    protocol_hash: str
    build_hash: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image that is there.  ``size`` in bytes, ``seconds`` that building it took."""

    id: str
    tag: str
    size: int
    seconds: float = 0.0


def context_root() -> Path:
    """The directory that holds the runner's sources: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_context" / "runner"
    return installed if installed.is_dir() else package.parent / "runner"


def seccomp_profile() -> str:
    """The seccomp profile as the engine's API takes it: JSON text."""
    return json.dumps(json.loads((context_root() / "seccomp.json").read_text("utf-8")), separators=(",", ":"))


def library_files() -> Mapping[str, Path]:
    """Build context of the libraries image without the wheels: name there -> file here."""
    root = context_root()
    names = ("Dockerfile.libraries", "requirements.lock", "image/assemble.py", "image/check.py")
    return {name: root / name for name in names}


def runner_files() -> Mapping[str, Path]:
    """Build context of the runner image: name there -> file here."""
    root = context_root()
    sources = {f"runner/{path.name}": path for path in sorted(root.glob("*.py"))}
    return {"Dockerfile": root / "Dockerfile", "csvanalyst_ext/protocol.py": Path(protocol.__file__), **sources}


def hash_files(files: Mapping[str, Path]) -> str:
    """SHA-256 (hex) over the names and contents, independent of order and of file times."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def expected() -> ImageSpec:
    """The image that belongs to the sources at hand.  Raises ``ImageUnavailable`` when they are incomplete."""
    try:
        build_hash = hash_files({**library_files(), **runner_files()})
    except OSError as error:
        raise ImageUnavailable(
            "image_no_context",
            f"The runner's sources are incomplete: {error.filename} cannot be read.",
            "Reinstall csvanalyst.",
        ) from error
    return ImageSpec(f"{REPOSITORY}:{build_hash[:12]}", protocol.protocol_hash(), build_hash)


def find(client: docker.DockerClient, settings_image: str = "") -> str:
    """The id (``sha256:…``) of the image to run.  Never pulls, never builds.

    ``settings_image`` (a tag or id) takes the place of our own tag; it must still speak our protocol.
    Raises ``ImageUnavailable``: ``sandbox_no_image`` or ``sandbox_image_mismatch``.
    """
    return _look_up(client, settings_image).id


def _look_up(client: docker.DockerClient, settings_image: str) -> ImageFacts:
    from docker.errors import ImageNotFound

    spec = expected()
    tag = settings_image or spec.tag
    try:
        image = client.images.get(tag)
    except ImageNotFound:
        raise _missing(client, tag, custom=bool(settings_image)) from None
    labels = image.labels
    wanted = {LABEL_PROTOCOL: spec.protocol_hash} if settings_image else _identity(spec)
    wrong = [name for name, value in wanted.items() if labels.get(name) != value]
    if wrong:
        raise ImageUnavailable(
            "sandbox_image_mismatch",
            f"The image {tag} was built for another version of this package ({', '.join(wrong)} differ).",
            BUILD_HINT,
            image=tag,
        )
    return ImageFacts(str(image.id), tag, int(image.attrs["Size"]))


def _identity(spec: ImageSpec) -> dict[str, str]:
    return {LABEL_PROTOCOL: spec.protocol_hash, LABEL_BUILD: spec.build_hash}


def _missing(client: docker.DockerClient, tag: str, *, custom: bool) -> ImageUnavailable:
    if custom:
        return ImageUnavailable(
            "sandbox_no_image",
            f"The image {tag} that the setting `image` names is not on this engine.",
            f"Load it there, or leave the setting empty.  {BUILD_HINT}",
            image=tag,
        )
    if client.images.list(filters={"label": f"{LABEL_IMAGE}=1"}):
        return ImageUnavailable(
            "sandbox_image_mismatch",
            "The runner images on this engine were built from other sources than this version of the package.",
            BUILD_HINT,
            image=tag,
        )
    return ImageUnavailable("sandbox_no_image", "The runner image has not been built yet.", BUILD_HINT, image=tag)


def build(
    progress: Callable[[str], None], *, base: str = "", refresh: bool = False, home: Path | None = None
) -> ImageFacts:
    """Build the image that ``expected`` names, unless it is there.

    ``progress`` gets one line for each long step.  ``base`` names an image to start from (default: the
    official Python image where a registry answers, Debian's packages otherwise); ``refresh`` makes
    everything anew with the newest base.  Raises ``EngineUnavailable``, ``ImageUnavailable``, ``StorageError``.
    """
    from . import docker_build

    return docker_build.build(progress, base=base, refresh=refresh, home=home or resolve().home)


def _status(_: argparse.Namespace) -> Iterator[str]:
    from . import docker_client

    facts = _look_up(docker_client.connect(), resolve().image)
    yield f"{facts.tag}  {facts.id}  {facts.size / 1e6:.0f} MB"


def _build(arguments: argparse.Namespace) -> Iterator[str]:
    facts = build(_say, base=arguments.base, refresh=arguments.refresh)
    yield f"{facts.tag} is ready: {facts.size / 1e6:.0f} MB, {facts.seconds:.1f} s"


def _remove(_: argparse.Namespace) -> Iterator[str]:
    from . import docker_build

    removed = docker_build.remove()
    yield f"removed: {', '.join(removed)}" if removed else "there was nothing to remove"


def _say(line: str) -> None:
    terminal.write(line, sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """``python -m csvanalyst_ext.execution.docker_image build|status|remove``."""
    parser = terminal.Parser(prog="csvanalyst image", description="The image that questions run in.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    builder = commands.add_parser("build", help="build it, unless it is there")
    builder.add_argument("--base", default="", help="image to start from: Debian 12 with Python 3.11")
    builder.add_argument("--refresh", action="store_true", help="make everything anew, with the newest base")
    builder.set_defaults(run=_build)
    commands.add_parser("status", help="say which image is used").set_defaults(run=_status)
    commands.add_parser("remove", help="remove all images and caches of this product").set_defaults(run=_remove)
    arguments = parser.parse_args(argv)
    try:
        for line in arguments.run(arguments):
            terminal.write(line)
    except AnalystError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
