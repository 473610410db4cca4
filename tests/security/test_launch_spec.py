"""Whatever the configuration says, no container weaker than the specification is started."""

from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csvanalyst_ext.errors import SpecRefused
from csvanalyst_ext.execution.docker_image import seccomp_profile
from csvanalyst_ext.execution.docker_seccomp import NEVER, seccomp_weaknesses
from csvanalyst_ext.execution.docker_spec import LaunchSpec, differences
from csvanalyst_ext.execution.docker_validator import refuse_weaker, weaknesses

pytestmark = pytest.mark.attack(84, "a configuration that asks for a weaker container")


def workspace(place: Path) -> Path:
    for name in ("incoming", "tables"):
        (place / name).mkdir(parents=True)
    (place / "tables" / "t.parquet").write_bytes(b"PAR1")
    return place


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> LaunchSpec:
    return LaunchSpec(
        image="sha256:" + "0" * 64,
        data_dir=workspace(tmp_path_factory.mktemp("session") / "data"),
        seccomp=seccomp_profile(),
        memory=1 << 30,
        cpus=1.0,
        scratch=1 << 28,
        arguments=("--threads", "2"),
        labels={"csvanalyst.session": "x"},
    )


@pytest.mark.parametrize(
    "weaker",
    [
        {"network": "bridge"},
        {"network": "host"},
        {"network": "container:other"},
        {"ipc": "host"},
        {"ipc": "shareable"},
        {"pid_mode": "host"},
        {"pid_mode": "container:other"},
        {"userns": "host"},
        {"uts": "host"},
        {"read_only": False},
        {"privileged": True},
        {"cap_add": ("SYS_ADMIN",)},
        {"devices": ("/dev/kvm",)},
        {"extra_mounts": ("/var/run/docker.sock:/var/run/docker.sock",)},
        {"environment": {"OPENAI_API_KEY": "x"}},
        {"user": "0:0"},
        {"user": ""},
        {"image": "csvanalyst-runner:latest"},
        {"image": "sha256:0"},
        {"seccomp": "unconfined"},
        {"seccomp": ""},
        {"seccomp": '{"defaultAction": "SCMP_ACT_ALLOW"}'},
        {"seccomp": '{"defaultAction": "SCMP_ACT_LOG"}'},
        {"pids": 0},
        {"pids": -1},
        {"pids": 100_000},
        {"memory": 0},
        {"memory": -1},
        {"cpus": 0.0},
        {"scratch": 0},
        {"scratch": 1 << 31},
        {"open_files": 1 << 20},
        {"runtime": "nvidia"},
        {"runtime": "/tmp/runc"},
    ],
    ids=str,
)
def test_a_weaker_launch_specification_is_refused(weaker: dict[str, Any], good: LaunchSpec) -> None:
    refuse_weaker(good)
    with pytest.raises(SpecRefused) as caught:
        refuse_weaker(replace(good, **weaker))
    assert caught.value.code == "sandbox_weak_spec"
    assert caught.value.hint


@pytest.mark.parametrize("runtime", ["", "runc", "runsc", "runsc-kvm"])
def test_the_runtimes_that_are_known_are_not_weaker(runtime: str, good: LaunchSpec) -> None:
    refuse_weaker(replace(good, runtime=runtime))


def test_gvisor_without_its_processes_covered_is_refused(good: LaunchSpec) -> None:
    body = replace(good, runtime="runsc").for_engine()
    assert not weaknesses(body)
    for change in (lambda tmpfs: tmpfs.pop("/proc"), lambda tmpfs: tmpfs.update({"/proc": "size=4096,mode=555"})):
        changed = copy.deepcopy(body)
        change(changed["HostConfig"]["Tmpfs"])
        assert weaknesses(changed)


# --- any single change to what the engine would be sent --------------------------------------------

ADDED_TO_THE_HOST: dict[str, Any] = {
    "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
    "CgroupParent": "/",
    "Cgroup": "host",
    "DeviceCgroupRules": ["a *:* rwm"],
    "DeviceRequests": [{"Driver": "nvidia", "Count": -1}],
    "Dns": ["8.8.8.8"],
    "DnsOptions": ["x"],
    "DnsSearch": ["x"],
    "ExtraHosts": ["host.docker.internal:host-gateway"],
    "GroupAdd": ["docker"],
    "Links": ["other"],
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "OomKillDisable": True,
    "PortBindings": {"80/tcp": [{"HostPort": "80"}]},
    "PublishAllPorts": True,
    "Sysctls": {"net.ipv4.ip_forward": "1"},
    "VolumesFrom": ["other"],
    "VolumeDriver": "local",
    "ShmSize": 1 << 40,
    "StorageOpt": {"size": "1T"},
    "CpuRealtimeRuntime": 950_000,
    "KernelMemory": 1,
    "MemorySwappiness": 100,
    "Annotations": {"x": "y"},
    "Isolation": "process",
}
ADDED_TO_THE_CONTAINER: dict[str, Any] = {
    "Entrypoint": ["/bin/sh"],
    "Volumes": {"/x": {}},
    "ExposedPorts": {"80/tcp": {}},
    "WorkingDir": "/data",
    "MacAddress": "x",
    "Domainname": "x",
    "Shell": ["/bin/sh"],
    "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}},
}
SECURITY: tuple[Any, ...] = (
    [],
    ["no-new-privileges"],
    ["no-new-privileges:false", "seccomp={}"],
    ["no-new-privileges", "seccomp=unconfined"],
    ["no-new-privileges", "seccomp={}", "apparmor=unconfined"],
    ["no-new-privileges", "seccomp={}", "label=disable"],
    ["no-new-privileges", "seccomp={}", "systempaths=unconfined"],
)
TMPFS = (
    "size=1048576,nr_inodes=9,mode=1777,nosuid,nodev",
    "size=1048576,nr_inodes=9,mode=1777,noexec,nosuid,nodev,exec",
    "nr_inodes=9,mode=1777,noexec,nosuid,nodev",
    "size=0,nr_inodes=9,mode=1777,noexec,nosuid,nodev",
    "size=90%,nr_inodes=9,mode=1777,noexec,nosuid,nodev",
    "size=1048576,size=99999999999,nr_inodes=9,mode=1777,noexec,nosuid,nodev",
    "size=1048576,nr_inodes=0,mode=1777,noexec,nosuid,nodev",
    "size=1048576,nr_inodes=9,mode=1777,noexec=no,nosuid,nodev",
    "",
)
# Within these, the value is the person's choice; see the next test for what lies outside of them.
CHOSEN = {"PidsLimit", "Memory", "MemorySwap", "NanoCpus", "OomScoreAdj", "Ulimits", "Tmpfs", "Mounts", "Runtime"}
CHOSEN_OF_THE_CONTAINER = {
    *("Image", "Cmd", "Labels", "StopTimeout", "HostConfig"),
    *("OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"),
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_any_other_value_of_any_option_is_refused(data: st.DataObject, good: LaunchSpec) -> None:
    body = good.for_engine()
    places = [(body["HostConfig"], key) for key in body["HostConfig"] if key not in CHOSEN]
    places += [(body, key) for key in body if key not in CHOSEN_OF_THE_CONTAINER]
    place, key = data.draw(st.sampled_from(places))
    value = data.draw(anything | st.sampled_from(SECURITY))
    assume(not (type(value) is type(place[key]) and value == place[key]))
    place[key] = value
    assert weaknesses(body)


@given(data=st.data())
def test_any_further_option_is_refused(data: st.DataObject, good: LaunchSpec) -> None:
    body = good.for_engine()
    into, known = data.draw(st.sampled_from([(body["HostConfig"], ADDED_TO_THE_HOST), (body, ADDED_TO_THE_CONTAINER)]))
    key = data.draw(st.sampled_from(sorted(known)) | st.text(min_size=1, max_size=20))
    assume(key not in into or key == "SecurityOpt")
    into[key] = known.get(key, data.draw(anything))
    assert weaknesses(body)


@given(data=st.data())
def test_any_option_left_out_is_refused(data: st.DataObject, good: LaunchSpec) -> None:
    body = good.for_engine()
    place = data.draw(st.sampled_from([body, body["HostConfig"]]))
    del place[data.draw(st.sampled_from(sorted(place)))]
    assert weaknesses(body)


OUTSIDE: dict[str, st.SearchStrategy[Any]] = {
    "PidsLimit": st.integers(max_value=15) | st.integers(min_value=1025) | st.none() | st.just(True),
    "Memory": st.integers(max_value=(128 << 20) - 1) | st.none() | st.floats(),
    "MemorySwap": st.integers().filter(lambda swap: swap != 1 << 30) | st.none(),
    "NanoCpus": st.integers(max_value=0) | st.none(),
    "OomScoreAdj": st.integers(max_value=-1) | st.integers(min_value=1001),
    "Ulimits": st.permutations(
        [{"Name": name, "Soft": 0, "Hard": 0} for name in ("core", "nofile", "nproc", "memlock", "rtprio")]
    ).map(lambda several: several[:3]),
    "Tmpfs": st.sampled_from(TMPFS).map(
        lambda text: {"/tmp": text, "/dev/mqueue": "size=4096,nr_inodes=1,mode=555,ro,noexec,nosuid,nodev"}
    )
    | st.dictionaries(st.sampled_from(["/tmp", "/dev/shm", "/root"]), st.sampled_from(TMPFS), max_size=2),
    "Runtime": st.text(min_size=1, max_size=8).filter(lambda name: name not in ("runc", "runsc", "crun", "kata")),
}


@given(data=st.data())
def test_a_limit_outside_of_what_is_sensible_is_refused(data: st.DataObject, good: LaunchSpec) -> None:
    body = good.for_engine()
    key = data.draw(st.sampled_from(sorted(OUTSIDE)))
    body["HostConfig"][key] = data.draw(OUTSIDE[key])
    assert weaknesses(body)


# --- mounts -----------------------------------------------------------------------------------------


def mounted(good: LaunchSpec, *mounts: dict[str, Any]) -> tuple[str, ...]:
    body = good.for_engine()
    body["HostConfig"]["Mounts"] = list(mounts)
    return weaknesses(body)


def of(good: LaunchSpec, **changes: Any) -> dict[str, Any]:
    [mount] = good.for_engine()["HostConfig"]["Mounts"]
    return {**mount, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"ReadOnly": False},
        {"ReadOnly": 1},
        {"Type": "volume"},
        {"Target": "/"},
        {"Target": "/proc"},
        {"BindOptions": {"Propagation": "rshared"}},
        {"BindOptions": {}},
        {"BindOptions": {"Propagation": "rprivate", "NonRecursive": True}},
        {"Source": None},
        {"Source": "relative"},
        {"Consistency": "cached"},
        {"VolumeOptions": {}},
    ],
    ids=str,
)
def test_a_mount_that_is_not_the_data_read_only_is_refused(changes: dict[str, Any], good: LaunchSpec) -> None:
    assert not mounted(good, of(good))
    assert mounted(good, of(good, **changes))


@pytest.mark.parametrize(
    "source",
    [
        *("/", "/home", "/root", "/etc", "/etc/ssl", "/proc", "/proc/self/fd", "/sys", "/dev", "/run", "/var/run"),
        *("/var/lib", "/tmp", "/usr", "~", "/nowhere/at/all", "/etc/passwd", "/dev/null", "/tmp/.."),
    ],
)
def test_a_place_of_the_host_is_never_the_data(source: str, good: LaunchSpec) -> None:
    assert mounted(good, of(good, Source=str(Path(source).expanduser())))


def test_a_data_directory_holds_files_and_nothing_that_leads_out(good: LaunchSpec, tmp_path: Path) -> None:
    def with_other(name: str, make: Any) -> tuple[str, ...]:
        place = workspace(tmp_path / name / "data")
        make(place)
        return mounted(good, of(good, Source=str(place)))

    def listening(place: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place / "tables" / "docker.sock"))

    assert not with_other("nothing", lambda place: None)
    assert with_other("a socket", listening)
    assert with_other("a pipe", lambda place: os.mkfifo(place / "incoming" / "x"))
    assert with_other("a link", lambda place: (place / "tables" / "x").symlink_to("/etc/passwd"))
    assert with_other("a directory", lambda place: (place / "tables" / "x").mkdir())
    assert with_other("a third place", lambda place: (place / "more").mkdir())
    assert with_other("a file beside them", lambda place: (place / "x").write_bytes(b""))

    def linked(place: Path) -> None:
        (place / "tables" / "t.parquet").unlink()
        (place / "tables").rmdir()
        (place / "tables").symlink_to("/etc")

    assert with_other("a linked place", linked)
    (tmp_path / "link").symlink_to("/var/run")
    assert mounted(good, of(good, Source=str(tmp_path / "link")))


def test_the_socket_s_directory_holds_one_socket_and_nothing_else(good: LaunchSpec, tmp_path: Path) -> None:
    place = tmp_path / "s"
    place.mkdir()
    beside = of(good, Source=str(place), Target="/run/csvanalyst")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "s"))
        assert not mounted(good, of(good), beside)
        assert mounted(good, of(good), {**beside, "ReadOnly": False})
        assert mounted(good, of(good), beside, beside)
        assert mounted(good, beside)
        assert mounted(good, of(good), of(good, Source=str(place), Target="/run/docker.sock"))
        (place / "x").write_bytes(b"")
        assert mounted(good, of(good), beside)
    assert mounted(good, of(good), of(good, Source="/var/run", Target="/run/csvanalyst"))


# --- the system call filter -------------------------------------------------------------------------


def shipped() -> dict[str, Any]:
    return json.loads(seccomp_profile())


def weak(profile: dict[str, Any]) -> bool:
    return bool(seccomp_weaknesses(json.dumps(profile)))


def test_the_profile_that_is_shipped_lets_nothing_pass_that_it_must_not() -> None:
    assert seccomp_weaknesses(seccomp_profile()) == ()


ALLOWING = st.sampled_from(["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY", "SCMP_ACT_x", None])


@given(name=st.sampled_from(sorted(NEVER)), action=ALLOWING, data=st.data())
def test_one_dangerous_system_call_more_is_refused(name: str, action: str, data: st.DataObject) -> None:
    profile = shipped()
    if data.draw(st.booleans()):
        args = data.draw(st.sampled_from([[], None, [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]]))
        profile["syscalls"].append({"names": ["read", name], "action": action, "args": args})
    else:
        rules = [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
        data.draw(st.sampled_from(rules))["names"].append(name)
    assert weak(profile)


CONDITIONAL = [
    place for place, rule in enumerate(shipped()["syscalls"]) if rule.get("args") and rule["action"] == "SCMP_ACT_ALLOW"
]


@pytest.mark.parametrize("place", CONDITIONAL)
def test_a_condition_that_is_gone_or_wider_is_refused(place: int) -> None:
    changes: Iterator[Any] = iter(
        (
            lambda rule: rule.pop("args"),
            lambda rule: rule["args"][0].update(op="SCMP_CMP_NE"),
            lambda rule: rule["args"][0].update(op="SCMP_CMP_GE", value=0),
            lambda rule: rule["args"][0].update(index=5),
            lambda rule: rule["args"].append(dict(rule["args"][0])),  # alternatives, for runc
        )
    )
    for change in changes:
        profile = shipped()
        change(profile["syscalls"][place])
        assert weak(profile), change


@pytest.mark.parametrize(
    "change",
    [
        {"defaultAction": "SCMP_ACT_ALLOW"},
        {"defaultAction": "SCMP_ACT_LOG"},
        {"defaultAction": None},
        {"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]},
        {"architectures": ["SCMP_ARCH_X32"]},
        {"listenerPath": "/run/x.sock"},
        {"flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]},
        {"syscalls": "*"},
    ],
    ids=str,
)
def test_a_profile_of_another_make_is_refused(change: dict[str, Any]) -> None:
    assert weak({**shipped(), **change})


@pytest.mark.parametrize("text", ["unconfined", "", "null", "[]", "runtime/default", "{" * 100_000])
def test_what_is_no_profile_is_refused(text: str) -> None:
    assert seccomp_weaknesses(text)


# --- what the engine made of it ---------------------------------------------------------------------


def as_inspected(spec: LaunchSpec) -> dict[str, Any]:
    """What an engine reports of a container made exactly so."""
    wanted = copy.deepcopy(spec.for_engine())
    mounts = [{"Type": "bind", "Destination": "/data", "RW": False}]
    config = {key: wanted[key] for key in ("User", "Tty", "Hostname")}
    covered = {"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"], "Runtime": "runc"}
    host = {**wanted["HostConfig"], **dict.fromkeys(["Dns", "GroupAdd", "DeviceRequests"]), **covered}
    return {"HostConfig": host, "Config": config, "Image": spec.image, "Mounts": mounts, "AppArmorProfile": ""}


def test_a_container_made_as_asked_has_no_differences(good: LaunchSpec) -> None:
    assert differences(good, as_inspected(good)) == ()


SEEN = {
    "NetworkMode": "default",
    "ReadonlyRootfs": False,
    "CapDrop": [],
    "PidsLimit": 0,
    "MemorySwap": -1,
    "SecurityOpt": ["no-new-privileges"],
    "Ulimits": [],
    "Tmpfs": {},
    "LogConfig": {"Type": "json-file"},
    "Privileged": True,
    "IpcMode": "host",
    "PidMode": "host",
    "UTSMode": "host",
    "UsernsMode": "host",
    "CgroupnsMode": "host",
    "Devices": [{"PathOnHost": "/dev/kvm"}],
    "CapAdd": ["SYS_ADMIN"],
    "Binds": ["/:/host"],
    "RestartPolicy": {"Name": "always"},
    **{
        key: ADDED_TO_THE_HOST[key]
        for key in (
            *("CgroupParent", "DeviceCgroupRules", "DeviceRequests", "Dns", "ExtraHosts", "GroupAdd", "Links"),
            *(
                "MaskedPaths",
                "ReadonlyPaths",
                "OomKillDisable",
                "PortBindings",
                "PublishAllPorts",
                "Sysctls",
                "VolumesFrom",
            ),
        )
    },
}


@pytest.mark.parametrize("key", SEEN)
def test_an_engine_that_makes_it_otherwise_is_noticed(key: str, good: LaunchSpec) -> None:
    made = as_inspected(good)
    made["HostConfig"][key] = SEEN[key]
    assert any(key in difference for difference in differences(good, made))


def test_other_mounts_and_no_profile_of_the_system_are_noticed(good: LaunchSpec) -> None:
    for changes in (
        {"Mounts": [{"Type": "bind", "Destination": "/data", "RW": True}]},
        {"Mounts": [*as_inspected(good)["Mounts"], {"Type": "volume", "Destination": "/x", "RW": True}]},
        {"AppArmorProfile": "unconfined"},
        {"Image": "sha256:" + "1" * 64},
    ):
        assert differences(good, {**as_inspected(good), **changes}), changes
