"""The system call filter in force, in a container with the complete launch specification."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.execution import docker_client, docker_image
from csvanalyst_ext.execution.docker_spec import LaunchSpec
from csvanalyst_ext.execution.docker_validator import refuse_weaker

PROBE = Path(__file__).with_name("seccomp_probe.py")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """What the probe says: ``works`` and ``denied``."""
    data = tmp_path_factory.mktemp("probe")
    data.chmod(0o755)
    (data / "tables").mkdir()
    shutil.copy(PROBE, data / "tables")
    client = docker_client.connect(timeout=120.0)
    spec = LaunchSpec(
        image=docker_image.find(client),
        data_dir=data,
        seccomp=docker_image.seccomp_profile(),
        memory=1024 * MIB,
        cpus=2.0,
        scratch=512 * MIB,
        labels={"csvanalyst.session": "probe"},
    )
    refuse_weaker(spec)
    body = spec.for_engine()
    body |= {"Entrypoint": ["/usr/bin/python3"], "Cmd": ["-I", "-B", f"/data/tables/{PROBE.name}"], "OpenStdin": False}
    identity = client.api.create_container_from_config(body, name=None)["Id"]
    output = client.api.attach(identity, stdout=True, stderr=True, stream=True)
    client.api.start(identity)
    text = b"".join(output).decode()
    client.close()
    yield json.loads(text.splitlines()[-1])


@pytest.mark.parametrize(
    "library",
    ["duckdb", "arrow", "pandas", "numpy", "polars", "matplotlib", "processes", "descriptors", "files"],
)
def test_what_questions_need_works_under_the_filter(found: dict[str, dict[str, str]], library: str) -> None:
    assert found["works"][library] == "ok"


def test_nothing_else_gets_through_the_filter(found: dict[str, dict[str, str]]) -> None:
    assert len(found["denied"]) > 100
    passed = {name: answer for name, answer in found["denied"].items() if answer not in ("EPERM", "ENOSYS", "killed")}
    assert passed == {}


@pytest.mark.parametrize(
    "name",
    [
        "io_uring_setup", "bpf", "perf_event_open", "userfaultfd", "keyctl", "ptrace", "unshare(NEWUSER)",
        "clone(NEWUSER)", "setuid", "socket(2)", "socket(16)", "socket(38)", "socket(40)", "socket(wide AF_INET)",
    ],
)  # fmt: skip
def test_a_refusal_comes_from_the_filter(found: dict[str, dict[str, str]], name: str) -> None:
    assert found["denied"][name] == "EPERM"
