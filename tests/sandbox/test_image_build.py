"""The built image: what is in it, what is not, and that the right one is found."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from csvanalyst_ext.errors import ImageUnavailable
from csvanalyst_ext.execution import docker_build, docker_client, docker_image

MOST_BYTES = 900_000_000
ENVIRONMENT = {
    "PATH", "HOME", "LC_ALL", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ARROW_IO_THREADS", "POLARS_MAX_THREADS",
    "MPLBACKEND", "MPLCONFIGDIR",
}  # fmt: skip
SURVEY = """
import importlib.metadata, json, os, stat
found = {"programs": [], "setid": [], "writable": [], "modules": []}
for directory, names, files in os.walk("/"):
    names[:] = [n for n in names if os.path.join(directory, n) not in ("/proc", "/sys", "/dev")]
    for name in files + names:
        path = os.path.join(directory, name)
        mode = os.lstat(path).st_mode
        if mode & (stat.S_ISUID | stat.S_ISGID):
            found["setid"].append(path)
        if mode & stat.S_IWOTH and not stat.S_ISLNK(mode):
            found["writable"].append(path)
        if name in files and directory.endswith("bin"):
            found["programs"].append(path)
found["packages"] = sorted(d.metadata["Name"].lower() for d in importlib.metadata.distributions())
found["user"] = [os.getuid(), os.getgid()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    made = docker_client.connect()
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(client: docker.DockerClient) -> Any:
    return client.images.get(docker_image.find(client))


@pytest.fixture(scope="module")
def survey(client: docker.DockerClient, image: Any) -> dict[str, Any]:
    """What a walk over the image's file system finds, done inside it."""
    out = client.containers.run(
        image.id,
        ["-I", "-c", SURVEY],
        entrypoint="/usr/bin/python3",
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        remove=True,
    )
    return json.loads(out)


@pytest.fixture
def foreign_image(client: docker.DockerClient) -> Iterator[str]:
    """An image that was made for another protocol."""
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("empty"))
        client.api.import_image_from_data(
            file.getvalue(), "csvanalyst-test", "foreign", changes=["LABEL csvanalyst.protocol=0"]
        )
    yield "csvanalyst-test:foreign"
    client.images.remove("csvanalyst-test:foreign")


def test_the_image_is_labelled_with_what_it_was_built_from(image: Any) -> None:
    spec = docker_image.expected()
    assert image.labels["csvanalyst.protocol"] == spec.protocol_hash
    assert image.labels["csvanalyst.build"] == spec.build_hash
    assert "@sha256:" in image.labels["csvanalyst.base"]


def test_the_image_keeps_within_its_size(image: Any) -> None:
    assert image.attrs["Size"] <= MOST_BYTES


def test_the_image_runs_as_nobody_and_carries_nothing_of_the_host(image: Any) -> None:
    config = image.attrs["Config"]
    assert config["User"] == "65532:65532"
    assert {entry.partition("=")[0] for entry in config["Env"]} == ENVIRONMENT
    assert not config.get("Volumes")
    assert not config.get("ExposedPorts")


def test_the_only_program_in_the_image_is_the_interpreter(survey: dict[str, Any]) -> None:
    assert {Path(path).name for path in survey["programs"]} <= {"python3", "python3.11"}


def test_no_file_gives_rights_and_only_the_scratch_directory_is_open_to_all(survey: dict[str, Any]) -> None:
    assert survey["setid"] == []
    assert survey["writable"] == ["/tmp"]
    assert survey["user"] == [65532, 65532]


def test_the_image_holds_the_locked_libraries_and_no_installer_or_network_library(survey: dict[str, Any]) -> None:
    packages = set(survey["packages"])
    assert {"duckdb", "pyarrow", "pandas", "numpy", "matplotlib", "polars"} <= packages
    assert not {"pip", "setuptools", "wheel", "litellm", "requests", "urllib3", "docker"} & packages


def test_building_what_is_there_changes_nothing(image: Any) -> None:
    lines: list[str] = []
    facts = docker_image.build(lines.append)
    assert (facts.id, facts.size) == (image.id, image.attrs["Size"])
    assert lines == []


def test_the_image_of_another_protocol_is_refused(client: docker.DockerClient, foreign_image: str) -> None:
    with pytest.raises(ImageUnavailable) as caught:
        docker_image.find(client, foreign_image)
    assert caught.value.code == "sandbox_image_mismatch"
    assert "csvanalyst image build" in str(caught.value)


def test_an_image_that_is_not_there_is_named(client: docker.DockerClient) -> None:
    with pytest.raises(ImageUnavailable) as caught:
        docker_image.find(client, "csvanalyst-test:missing")
    assert caught.value.code == "sandbox_no_image"
    assert "csvanalyst-test:missing" in str(caught.value)


def test_images_of_other_sources_are_told_from_no_image(
    client: docker.DockerClient, image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = docker_image.ImageSpec("csvanalyst-runner:000000000000", "0" * 64, "0" * 64)
    monkeypatch.setattr(docker_image, "expected", lambda: other)
    with pytest.raises(ImageUnavailable) as caught:
        docker_image.find(client)
    assert caught.value.code == "sandbox_image_mismatch"


def test_the_image_just_built_is_not_dropped_as_old(client: docker.DockerClient, image: Any) -> None:
    """The engine's cache gives a build of an older version the time of its first one."""
    repository = "csvanalyst-test-old"
    tags = [f"{repository}:{name}" for name in ("a", "b", "c")]
    try:
        for tag in tags:
            image.tag(tag)
        assert sorted(docker_build._drop_old(client, repository, keep=1, needed=tags[0])) == tags[1:]
        assert client.images.get(tags[0]).id == image.id
    finally:
        docker_build._drop_old(client, repository, keep=0)
    assert not client.images.list(name=repository)
