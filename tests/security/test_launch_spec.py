"""Whatever the configuration says, no container weaker than the specification is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.errors import SpecRefused
from csvanalyst_ext.execution.docker_spec import LaunchSpec, differences, refuse_weaker

GOOD = LaunchSpec(
    image="sha256:" + "0" * 64,
    data_dir=Path("/somewhere"),
    seccomp='{"defaultAction": "SCMP_ACT_ERRNO"}',
    memory=1 << 30,
    cpus=1.0,
    scratch=1 << 28,
)


@pytest.mark.parametrize(
    "weaker",
    [
        {"network": "bridge"},
        {"ipc": "host"},
        {"pid_mode": "host"},
        {"userns": "host"},
        {"uts": "host"},
        {"read_only": False},
        {"privileged": True},
        {"cap_add": ("SYS_ADMIN",)},
        {"devices": ("/dev/kvm",)},
        {"extra_mounts": ("/var/run/docker.sock:/var/run/docker.sock",)},
        {"environment": {"OPENAI_API_KEY": "x"}},
        {"user": "0:0"},
        {"image": "csvanalyst-runner:latest"},
        {"seccomp": "unconfined"},
        {"seccomp": '{"defaultAction": "SCMP_ACT_ALLOW"}'},
        {"pids": 0},
        {"memory": 0},
    ],
    ids=str,
)
def test_a_weaker_launch_specification_is_refused(weaker: dict[str, Any]) -> None:
    refuse_weaker(GOOD)
    with pytest.raises(SpecRefused) as caught:
        refuse_weaker(replace(GOOD, **weaker))
    assert caught.value.code == "sandbox_weak_spec"


def as_inspected(spec: LaunchSpec) -> dict[str, Any]:
    """What an engine reports of a container made exactly so."""
    wanted = spec.for_engine()
    mounts = [{"Type": "bind", "Destination": "/data", "RW": False}]
    config = {key: wanted[key] for key in ("User", "Tty", "Hostname")}
    return {"HostConfig": wanted["HostConfig"], "Config": config, "Image": spec.image, "Mounts": mounts}


def test_a_container_made_as_asked_has_no_differences() -> None:
    assert differences(GOOD, as_inspected(GOOD)) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NetworkMode", "default"),
        ("ReadonlyRootfs", False),
        ("CapDrop", []),
        ("PidsLimit", 0),
        ("MemorySwap", -1),
        ("SecurityOpt", ["no-new-privileges"]),
        ("Ulimits", []),
        ("Tmpfs", {}),
        ("LogConfig", {"Type": "json-file"}),
        ("Privileged", True),
    ],
)
def test_an_engine_that_ignores_an_option_is_noticed(key: str, value: Any) -> None:
    made = as_inspected(GOOD)
    made["HostConfig"] = {**made["HostConfig"], key: value}
    assert any(key in difference for difference in differences(GOOD, made))


def test_a_writable_or_further_mount_is_noticed() -> None:
    made = as_inspected(GOOD)
    made["Mounts"] = [{"Type": "bind", "Destination": "/data", "RW": True}]
    assert differences(GOOD, made)
