"""System calls by number, as the kernel and its filters know them.

Runs in the sandbox; data only.  From <asm/unistd_64.h> (x86_64) and <asm-generic/unistd.h> (aarch64); ``None`` where an
architecture has no such call.
"""

from __future__ import annotations

from typing import Final

NUMBERS: Final[dict[str, tuple[int | None, int | None]]] = {  # x86_64, aarch64
    "add_key": (248, 217), "bind": (49, 200), "bpf": (321, 280), "chroot": (161, 51), "clone": (56, 220),
    "clone3": (435, 435), "connect": (42, 203), "execve": (59, 221), "execveat": (322, 281),
    "fanotify_init": (300, 262), "fcntl": (72, 25), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "io_setup": (206, 0), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioprio_set": (251, 30), "kcmp": (312, 272),
    "keyctl": (250, 219), "kill": (62, 129), "mbind": (237, 235), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "migrate_pages": (256, 238), "mknod": (133, None), "mknodat": (259, 33),
    "mount": (165, 40), "move_pages": (279, 239), "mq_open": (240, 180), "msgget": (68, 186),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pivot_root": (155, 41),
    "prlimit64": (302, 261), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "request_key": (249, 218), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "semget": (64, 190), "sendmmsg": (307, 269), "sendmsg": (46, 211),
    "set_mempolicy": (238, 237), "setns": (308, 268), "setpgid": (109, 154), "setpriority": (141, 140),
    "setsid": (112, 157), "shmat": (30, 196), "shmget": (29, 194), "socket": (41, 198), "splice": (275, 76),
    "tee": (276, 77), "tgkill": (234, 131), "tkill": (200, 130), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "vmsplice": (278, 75),
}  # fmt: skip


def number(name: str, machine: str) -> int | None:
    """The number of ``name`` on ``machine`` (``x86_64`` or ``aarch64``)."""
    return NUMBERS[name][("x86_64", "aarch64").index(machine)]
