"""Downloads the image's wheels on the host, checked against the hashes of the lock.

Runs on the host, only while the image is built.  Uses pip with the person's own configuration, so
that proxies and mirrors work; only wheels are accepted, so that nothing of a package runs here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ImageUnavailable

if TYPE_CHECKING:
    import docker

PYTHON: Final = "3.11"
GLIBC: Final = 36  # of Debian 12: 2.36
ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def architecture(client: docker.DockerClient) -> str:
    """``x86_64`` or ``aarch64``: where the engine runs containers.  Raises ``ImageUnavailable`` for others."""
    name = str(client.info().get("Architecture", ""))
    if name not in ARCHITECTURES:
        raise ImageUnavailable(
            "image_architecture",
            f"There are no locked wheels for this engine's architecture, {name or 'unknown'}.",
            f"Use an engine on one of: {', '.join(sorted(set(ARCHITECTURES.values())))}.",
        )
    return ARCHITECTURES[name]


def platforms(architecture: str) -> tuple[str, ...]:
    """Platform tags that Debian 12 accepts, best first."""
    return (
        *(f"manylinux_2_{minor}_{architecture}" for minor in range(GLIBC, 16, -1)),
        f"manylinux2014_{architecture}",
        "any",
    )


def download(lock: Path, architecture: str, home: Path, progress: Callable[[str], None]) -> tuple[Path, ...]:
    """The wheels of the lock, from ``home``/wheels when they are there.

    Raises ``ImageUnavailable``: ``image_no_pip``, ``image_no_registry``.
    """
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    store = home / "wheels"
    place = store / f"{key}-{architecture}"
    if not place.is_dir():
        store.mkdir(parents=True, exist_ok=True)
        progress("image: downloading the wheels (about 190 MB)")
        with tempfile.TemporaryDirectory(dir=store, prefix=".part-") as part:
            _run_pip(lock, architecture, Path(part))
            Path(part).chmod(0o755)
            for old in store.iterdir():
                if old.name.endswith(f"-{architecture}"):
                    shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(part, place, copy_function=os.link)
    return tuple(sorted(place.glob("*.whl")))


def _run_pip(lock: Path, architecture: str, target: Path) -> None:
    command = [
        *_pip(), "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--python-version", PYTHON, "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none",
        *(option for name in platforms(architecture) for option in ("--platform", name)),
        "--requirement", str(lock), "--dest", str(target),
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("WARNING"))[-2000:]
        raise ImageUnavailable(
            "image_no_registry",
            f"The wheels of the runner image could not be downloaded:\n{tail}\n",
            "Check that `pip download duckdb` works here (network, proxy, mirror, certificates), then build again.",
        )


def _pip() -> list[str]:
    """A command that runs pip: this environment's, or the one that Python itself carries."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    carried = importlib.util.find_spec("ensurepip")
    if carried is not None and carried.origin is not None:
        for wheel in Path(carried.origin).parent.glob("_bundled/pip-*.whl"):
            return [sys.executable, str(wheel / "pip")]
    if command := shutil.which("pip3") or shutil.which("pip"):
        return [command]
    raise ImageUnavailable(
        "image_no_pip", "There is no pip to download the image's wheels with.", "Install it: `python3 -m ensurepip`."
    )
