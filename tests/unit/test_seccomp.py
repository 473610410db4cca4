"""The sandbox's system call filter, read as data.  What it does in force is in tests/sandbox/test_seccomp_probe.py."""

from __future__ import annotations

import json
import signal
import socket
import stat
from typing import Any

import pytest

from csvanalyst_ext.execution.docker_image import seccomp_profile

NAMESPACE_FLAGS = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

FORBIDDEN = """
    io_uring_setup io_uring_enter io_uring_register bpf perf_event_open keyctl add_key request_key userfaultfd ptrace
    process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp mount umount umount2 pivot_root chroot
    open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr unshare setns kexec_load kexec_file_load
    init_module finit_module delete_module open_by_handle_at name_to_handle_at fanotify_init fanotify_mark quotactl
    swapon swapoff reboot acct syslog settimeofday clock_settime clock_adjtime adjtimex stime sethostname
    setdomainname setuid setgid setgroups setresuid setresgid setfsuid setreuid capset execveat memfd_secret iopl
    ioperm modify_ldt vmsplice splice tee chown fchown fchownat lchown lookup_dcookie uselib vhangup
    shmget shmat msgget semget mq_open nfsservctl move_pages mbind set_mempolicy migrate_pages ioprio_set socketcall
"""


@pytest.fixture(scope="module")
def profile() -> dict[str, Any]:
    return json.loads(seccomp_profile())


def rules_for(profile: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [rule for rule in profile["syscalls"] if name in rule["names"]]


def test_what_is_not_named_is_denied(profile: dict[str, Any]) -> None:
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize("name", sorted(FORBIDDEN.split()))
def test_a_dangerous_call_is_not_named(profile: dict[str, Any], name: str) -> None:
    assert rules_for(profile, name) == []


@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_only_unix_sockets_can_be_made(profile: dict[str, Any], name: str) -> None:
    (rule,) = rules_for(profile, name)
    assert rule["args"] == [{"index": 0, "value": int(socket.AF_UNIX), "valueTwo": 0, "op": "SCMP_CMP_EQ"}]


def test_clone_makes_threads_and_processes_but_no_namespace(profile: dict[str, Any]) -> None:
    (rule,) = rules_for(profile, "clone")
    (condition,) = rule["args"]
    assert (condition["index"], condition["op"], condition["valueTwo"]) == (0, "SCMP_CMP_MASKED_EQ", 0)
    assert condition["value"] == NAMESPACE_FLAGS
    assert not condition["value"] & signal.SIGCHLD


@pytest.mark.parametrize(("name", "position"), [("mknod", 1), ("mknodat", 2)])
def test_named_pipes_can_be_made_and_devices_cannot(profile: dict[str, Any], name: str, position: int) -> None:
    (rule,) = rules_for(profile, name)
    (condition,) = rule["args"]
    assert (condition["index"], condition["op"]) == (position, "SCMP_CMP_MASKED_EQ")
    assert (condition["value"], condition["valueTwo"]) == (0o170000, stat.S_IFIFO)


def test_clone3_answers_as_if_it_did_not_exist_so_that_libc_uses_clone(profile: dict[str, Any]) -> None:
    (rule,) = rules_for(profile, "clone3")
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_device_control_is_an_allow_list_without_the_calls_that_type_into_a_terminal(profile: dict[str, Any]) -> None:
    allowed = {rule["args"][0]["value"] for rule in rules_for(profile, "ioctl")}
    assert all(rule["args"][0]["op"] == "SCMP_CMP_EQ" for rule in rules_for(profile, "ioctl"))
    assert not allowed & {0x5412, 0x541C}  # TIOCSTI, TIOCLINUX


def test_the_personality_cannot_switch_off_address_randomisation(profile: dict[str, Any]) -> None:
    assert {rule["args"][0]["value"] for rule in rules_for(profile, "personality")} == {0, 0xFFFFFFFF}


def test_only_the_native_interfaces_of_both_architectures_exist(profile: dict[str, Any]) -> None:
    assert profile["archMap"] == [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
    ]


def test_every_rule_allows_or_denies_and_says_why(profile: dict[str, Any]) -> None:
    for rule in profile["syscalls"]:
        assert rule["action"] in ("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO")
        assert rule["comment"]
    unconditional = [n for rule in profile["syscalls"] if not rule.get("args") for n in rule["names"]]
    assert len(unconditional) == len(set(unconditional))
