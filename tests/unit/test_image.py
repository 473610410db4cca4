"""What the runner image is made from, and that equal sources give an equal name."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from csvanalyst_ext import protocol
from csvanalyst_ext.errors import ImageUnavailable
from csvanalyst_ext.execution import docker_build, docker_image, docker_wheels

ROOT = docker_image.context_root()
HEADER = re.compile(r"^([a-z0-9-]+)==([^ ]+) \\$", re.MULTILINE)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the runner's sources that a test may change."""
    copy = Path(shutil.copytree(ROOT, tmp_path / "runner", ignore=shutil.ignore_patterns("__pycache__")))
    monkeypatch.setattr(docker_image, "context_root", lambda: copy)
    return copy


def test_the_tag_carries_the_hash_of_all_sources() -> None:
    spec = docker_image.expected()
    assert spec.tag == f"csvanalyst-runner:{spec.build_hash[:12]}"
    assert spec.protocol_hash == protocol.protocol_hash()


def test_a_copy_of_the_sources_gives_the_same_image_whatever_its_file_times(sources: Path) -> None:
    copied = docker_image.expected()
    for path in sources.rglob("*"):
        os.utime(path, (0, 0))
    assert docker_image.expected() == copied


@pytest.mark.parametrize(
    "name",
    ["Dockerfile", "Dockerfile.libraries", "requirements.lock", "image/assemble.py", "image/check.py", "supervisor.py"],
)
def test_a_change_of_any_source_asks_for_another_image(sources: Path, name: str) -> None:
    before = docker_image.expected()
    (sources / name).write_text((sources / name).read_text() + "\n# changed\n")
    assert docker_image.expected().tag != before.tag


def test_a_new_source_file_asks_for_another_image(sources: Path) -> None:
    before = docker_image.expected()
    (sources / "another.py").write_text("")
    assert docker_image.expected().tag != before.tag


def test_the_code_is_no_part_of_the_libraries_so_that_its_change_builds_quickly(sources: Path) -> None:
    before = docker_image.hash_files(docker_image.library_files())
    (sources / "supervisor.py").write_text("# changed")
    assert docker_image.hash_files(docker_image.library_files()) == before


def test_incomplete_sources_are_a_clear_error(sources: Path) -> None:
    (sources / "Dockerfile").unlink()
    with pytest.raises(ImageUnavailable) as caught:
        docker_image.expected()
    assert caught.value.code == "image_no_context"


def test_the_build_context_holds_the_sources_and_nothing_of_the_host(tmp_path: Path) -> None:
    files = docker_image.runner_files()
    with docker_build._packed(files, {"extra": b"text"}, tmp_path) as packed, tarfile.open(fileobj=packed) as tar:
        members = tar.getmembers()
    assert {member.name for member in members} == {*files, "extra"}
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", 0)}


def test_only_the_protocol_of_the_host_package_goes_into_the_image() -> None:
    assert [name for name in docker_image.runner_files() if name.startswith("csvanalyst_ext/")] == [
        "csvanalyst_ext/protocol.py"
    ]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.libraries"])
def test_both_builders_understand_the_dockerfiles(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "--mount" not in text  # BuildKit only
    assert "<<" not in text  # heredocs, BuildKit only
    assert not re.search(r"^ADD|https?://", text, re.MULTILINE)


def test_every_locked_package_is_pinned_with_hashes_and_names_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text()
    for block in re.split(r"\n(?=[a-z])", text)[1:]:
        assert HEADER.match(block), block.splitlines()[0]
        assert "--hash=sha256:" in block
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text.split("\n\n")[-1])
    assert not re.search(r"^--", text, re.MULTILINE)


def test_the_lock_covers_what_was_asked_for_and_nothing_that_talks_to_a_network() -> None:
    locked = dict(HEADER.findall((ROOT / "requirements.lock").read_text()))
    asked = [re.split(r"[^a-z-]", line)[0] for line in (ROOT / "requirements.in").read_text().split()]
    assert set(asked) <= set(locked)
    assert not {"litellm", "requests", "urllib3", "httpx", "aiohttp", "docker", "certifi"} & set(locked)
    assert (locked["duckdb"], locked["pyarrow"]) == ("2.0.0", "26.0.1")


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_lock_has_a_hash_for_wheels_that_the_image_accepts(architecture: str) -> None:
    names = docker_wheels.platforms(architecture)
    assert names[0] == f"manylinux_2_36_{architecture}"  # the C library of Debian 12
    assert {f"manylinux_2_17_{architecture}", f"manylinux2014_{architecture}", "any"} <= set(names)
    assert f"manylinux_2_37_{architecture}" not in names
