"""What the doctor looks at: the engine and its parts, the image, the packages, the limits, the disk.

Runs on the host.  Only looks; changes and starts nothing.  Every finding that is not fine carries
advice.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from ..config import Settings
from ..errors import AnalystError, SandboxError
from . import docker_client, docker_image

GIB: Final = 1024**3
Level = Literal["ok", "note", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``level``: ``ok``; ``note`` (worth knowing); ``warn`` (works, mend it); ``bad`` (nothing will run)."""

    area: str
    name: str
    value: str
    level: Level = "ok"
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Weakness:
    """``fixed`` lists the first good version of each release line, in rising order."""

    component: str
    fixed: tuple[tuple[int, ...], ...]
    what: str


# Sources: the advisories of the projects under these CVE numbers.
WEAKNESSES: Final = (
    Weakness("runc", ((1, 1, 12),), "CVE-2024-21626: a container can reach the host's files"),
    Weakness(
        "runc",
        ((1, 2, 8), (1, 3, 3)),
        "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881: a container can write to the host's /proc",
    ),
    Weakness("containerd", ((1, 7, 29), (2, 0, 7), (2, 1, 5)), "CVE-2024-25621: its directories are readable by all"),
    Weakness(
        "engine",
        ((23, 0, 15), (25, 0, 6), (26, 1, 5), (27, 1, 1)),
        "CVE-2024-41110: authorisation plugins can be bypassed",
    ),
)
OLDEST_ENGINE: Final = (20, 10)
BAD_PACKAGES: Final[Mapping[str, Mapping[str, tuple[Level, str]]]] = {
    "litellm": {
        **dict.fromkeys(("1.82.7", "1.82.8"), ("bad", "A malicious release: remove it and change every key it saw.")),
        **dict.fromkeys(
            ("1.106.0", "1.106.1", "1.106.2"), ("bad", "Tool calls fail in this release: install another.")
        ),
    }
}


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a person would mend them.  Never raises for what it looks at."""
    findings = list(_packages())
    findings += _engine(settings)
    findings.append(_disk(settings.home))
    findings += _limits(settings)
    return findings


def version_numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``1.1.5+ds1`` is (1, 1, 5); empty when there are none."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def weaknesses(component: str, version: str) -> tuple[str, ...]:
    """The known weaknesses of that version of a component; an unknown version has none that are known."""
    numbers = version_numbers(version)
    return tuple(
        weakness.what
        for weakness in WEAKNESSES
        if weakness.component == component and numbers and not _is_fixed(numbers, weakness.fixed)
    )


def _is_fixed(numbers: tuple[int, ...], fixed: tuple[tuple[int, ...], ...]) -> bool:
    same_line = [first for first in fixed if first[:2] == numbers[:2]]
    return numbers >= same_line[0] if same_line else numbers > fixed[-1]


def _packages() -> Iterator[Finding]:
    yield Finding("packages", "python", sys.version.split()[0])
    for name in ("csvanalyst", "litellm", "pyarrow", "pandas", "ipython", "docker"):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("packages", name, "missing", "bad", f"Install it: pip install {name}")
            continue
        level, advice = BAD_PACKAGES.get(name, {}).get(version, ("ok", ""))
        yield Finding("packages", name, version, level, advice)


def _engine(settings: Settings) -> Iterator[Finding]:
    try:
        client = docker_client.connect(timeout=10, host=settings.docker_host)
    except SandboxError as error:
        yield Finding("engine", "docker engine", error.message, "bad", error.hint)
        return
    try:
        version, info = client.version(), client.info()
        yield from _versions(version)
        yield from _abilities(info)
        yield from _runtimes(info, settings)
        yield _image(client, settings)
        if settings.memory > int(info.get("MemTotal", 0)):
            total = int(info.get("MemTotal", 0)) / GIB
            yield Finding("limits", "engine memory", f"{total:.1f} GiB", "warn", "Lower CSVANALYST_MEMORY below it.")
    finally:
        client.close()


def _versions(version: Mapping[str, Any]) -> Iterator[Finding]:
    parts = {part["Name"].lower(): str(part["Version"]) for part in version.get("Components", [])}
    parts.setdefault("engine", str(version.get("Version", "")))
    for component in ("engine", "containerd", "runc"):
        text = parts.get(component, "")
        if not text:
            continue
        known = weaknesses(component, text)
        name = "docker engine" if component == "engine" else component
        if component == "engine" and version_numbers(text) < OLDEST_ENGINE:
            yield Finding("engine", name, text, "bad", "Too old: install Docker Engine 20.10 or newer.")
        elif known:
            advice = f"{'; '.join(known)}. Update it, unless your distribution has back-ported the fix."
            yield Finding("engine", name, text, "warn", advice)
        else:
            yield Finding("engine", name, text)


def _abilities(info: Mapping[str, Any]) -> Iterator[Finding]:
    missing = [name for name in ("MemoryLimit", "PidsLimit", "CpuCfsQuota") if not info.get(name)]
    if missing:
        yield Finding("engine", "limits", f"without {', '.join(missing)}", "bad", "The engine needs these controllers.")
    options = " ".join(map(str, info.get("SecurityOptions") or []))
    if "seccomp" not in options:
        yield Finding("engine", "seccomp", "not available", "bad", "Use a kernel and engine with seccomp.")
    rootless = "rootless" in options or "userns" in options
    yield Finding(
        "engine",
        "user namespaces",
        "in use" if rootless else "not in use",
        "ok" if rootless else "note",
        "" if rootless else "A rootless engine or userns-remap keeps root in a container apart from root of the host.",
    )
    yield Finding("engine", "cgroups", f"version {info.get('CgroupVersion', '?')}")


def _runtimes(info: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    runtimes = sorted(info.get("Runtimes") or {})
    chosen = settings.docker_runtime or str(info.get("DefaultRuntime", ""))
    if settings.docker_runtime and settings.docker_runtime not in runtimes:
        advice = f"The engine knows {', '.join(runtimes)}; unset CSVANALYST_DOCKER_RUNTIME or register the runtime."
        yield Finding("engine", "runtime", chosen, "bad", advice)
    else:
        yield Finding("engine", "runtime", chosen)
    gvisor = "runsc" in runtimes
    advice = "" if gvisor else "gVisor would put a second kernel between the sandbox and the host."
    yield Finding("engine", "gvisor", "available" if gvisor else "not registered", "ok" if gvisor else "note", advice)


def _image(client: Any, settings: Settings) -> Finding:
    expected = docker_image.expected()
    tag = settings.image or expected.tag
    try:
        identity = docker_image.find(client, settings.image)
        size = int(client.api.inspect_image(identity)["Size"])
    except AnalystError as error:
        return Finding("image", "runner image", f"{tag}: {error.message}", "bad", error.hint)
    return Finding("image", "runner image", f"{tag} ({size / 1e6:.0f} MB)")


def _disk(home: Path) -> Finding:
    place = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(place).free / GIB
    level: Level = "ok" if free >= 5 else "warn"
    return Finding("disk", str(home), f"{free:.1f} GiB free", level, "" if free >= 5 else "Make room there.")


def _limits(settings: Settings) -> Iterator[Finding]:
    yield Finding("limits", "memory", f"{settings.memory / GIB:.2g} GiB for each sandbox")
    yield Finding("limits", "cpus", f"{settings.cpus:g}")
    yield Finding("limits", "time", f"{settings.timeout:g} s for each SQL or Python step")
    yield Finding("limits", "rows", f"{settings.max_rows:,} in a result")
    yield Finding("limits", "python", "allowed" if settings.python_enabled else "switched off")
