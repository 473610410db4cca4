"""Runs inside a sandbox container: what its system call filter lets pass.  Prints one JSON object.

``works``: what the libraries and the runner need, name -> "ok" or the error.  ``denied``: what must
not pass, name -> the errno's name, or "passed".
"""

import array
import ctypes
import errno
import io
import json
import os
import platform
import select
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

NUMBERS = {  # x86_64, aarch64
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "kcmp": (312, 272),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "clone3": (435, 435),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    "quotactl": (179, 60), "swapon": (167, 224), "reboot": (169, 142), "acct": (163, 89), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setuid": (105, 146), "setgid": (106, 144), "setgroups": (116, 159), "capset": (126, 91),
    "execveat": (322, 281), "memfd_secret": (447, 447), "mq_open": (240, 180), "shmget": (29, 194), "splice": (275, 76),
    "vmsplice": (278, 75), "mknodat": (259, 33),
}  # fmt: skip
CALL = ctypes.CDLL(None, use_errno=True).syscall
LONG = ctypes.c_long


def call(number, *arguments):
    ctypes.set_errno(0)
    if CALL(LONG(number), *(a if isinstance(a, bytes) else LONG(a) for a in arguments)) >= 0:
        return "passed"
    return errno.errorcode[ctypes.get_errno()]


def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "passed"


def denied():
    machine = ("x86_64", "aarch64").index(platform.machine())
    found = {name: call(numbers[machine], 0, 0, 0, 0, 0, 0) for name, numbers in NUMBERS.items()}
    unshare = NUMBERS["unshare"][machine]
    found["unshare(NEWUSER)"] = call(unshare, 0x10000000)
    clone = (56, 220)[machine]
    for name, flag in {"NEWUSER": 0x10000000, "NEWNS": 0x00020000, "NEWNET": 0x40000000, "NEWPID": 0x20000000}.items():
        found[f"clone({name})"] = call(clone, flag | signal.SIGCHLD, 0, 0, 0, 0)
    # The kernel looks at the lower half of the family only, so the filter must look at all of it.
    wide = (1 << 32) | socket.AF_INET
    found["socket(wide AF_INET)"] = call((41, 198)[machine], wide, socket.SOCK_STREAM, 0)
    for family in range(46):
        if family != socket.AF_UNIX:
            kind = (
                socket.SOCK_RAW if family in (16, 17) else socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM
            )
            found[f"socket({family})"] = attempt(socket.socket, family, kind, 0)
            found[f"socketpair({family})"] = attempt(socket.socketpair, family, socket.SOCK_STREAM)
    found["personality(ADDR_NO_RANDOMIZE)"] = call((135, 92)[machine], 0x0040000)
    found["mknodat(null device)"] = call(NUMBERS["mknodat"][machine], -100, b"/tmp/null", 0o020666, 0x103)
    found["ioctl(TIOCSTI)"] = call((16, 29)[machine], 0, 0x5412, b"x")
    if machine == 0:
        child = os.fork()
        if not child:
            CALL(LONG(0x40000000 | 39))  # getpid of the x32 ABI
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        found["x32 ABI"] = "killed" if os.WIFSIGNALED(status) else "passed"
    return found


def work_duckdb():
    import duckdb

    database = duckdb.connect(config={"threads": 2, "memory_limit": "200MB", "temp_directory": tempfile.mkdtemp()})
    rows = database.execute("SELECT count(DISTINCT i::VARCHAR || 'x') FROM range(3000000) t(i)").fetchall()
    assert rows == [(3_000_000,)]
    database.execute("COPY (SELECT i, i * 2 j FROM range(1000) t(i)) TO '/tmp/a.parquet'")
    assert database.execute("SELECT max(j) FROM '/tmp/a.parquet'").fetchall() == [(1998,)]
    database.execute("SET preserve_insertion_order = false")
    database.execute("CREATE TABLE t AS SELECT hash(i) h, repeat('x', 40) s FROM range(4000000) t(i) ORDER BY h")


def work_arrow():
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.dataset
    import pyarrow.parquet as pq

    table = pa.csv.read_csv(io.BytesIO(b"a,b\n1,2\n3,4\n"))
    pq.write_table(table, "/tmp/b.parquet", compression="zstd")
    assert pyarrow.dataset.dataset("/tmp/b.parquet").to_table().num_rows == 2
    with pa.memory_map("/tmp/b.parquet") as file:
        assert file.size() > 0


def work_pandas():
    import pandas as pd

    frame = pd.DataFrame({"a": range(1000), "b": pd.date_range("2026-01-01", periods=1000, tz="Europe/Berlin")})
    frame.to_csv("/tmp/c.csv")
    assert len(pd.read_csv("/tmp/c.csv")) == 1000
    assert frame.groupby(frame["b"].dt.month)["a"].sum().sum() == 499500
    frame.to_parquet("/tmp/c.parquet")


def work_numpy():
    import numpy as np

    assert np.linalg.inv(np.eye(200) * 2)[0, 0] == 0.5


def work_polars():
    import polars as pl

    frame = pl.DataFrame({"a": range(100000)}).with_columns((pl.col("a") % 7).alias("g"))
    assert frame.lazy().group_by("g").agg(pl.col("a").sum()).collect().height == 7
    frame.write_csv("/tmp/d.csv")
    assert pl.scan_csv("/tmp/d.csv").select(pl.len()).collect().item() == 100000


def work_matplotlib():
    import matplotlib.pyplot as plt

    plt.hist(range(100))
    plt.savefig("/tmp/e.png")


def work_processes():
    import subprocess

    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    child = os.fork()
    if not child:
        os.setsid()
        signal.pause()
    descriptor = os.pidfd_open(child)
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    assert select.select([descriptor], [], [], 10)[0]
    os.waitid(os.P_PIDFD, descriptor, os.WEXITED)
    threads = [threading.Thread(target=sum, args=(range(1000),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work_descriptors():
    import fcntl

    memory = os.memfd_create("body", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(memory, b"sealed")
    fcntl.fcntl(
        memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    )
    left, right = socket.socketpair()
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])
    _, received, _, _ = socket.recv_fds(right, 1, 1)
    assert os.pread(received[0], 6, 0) == b"sealed"
    with select.epoll() as poller:
        poller.register(left.fileno(), select.EPOLLIN)
        right.send(b"y")
        assert poller.poll(10)
    server = socket.socket(socket.AF_UNIX)
    server.bind("/tmp/socket")
    server.listen()
    socket.socket(socket.AF_UNIX).connect("/tmp/socket")
    server.accept()


def work_files():
    import shutil

    directory = Path(tempfile.mkdtemp())
    (directory / "a").write_text("x" * 10000)
    shutil.copytree(directory, f"{directory}-copy")
    assert Path(f"{directory}-copy/a").stat().st_size == 10000
    os.mkfifo(directory / "pipe")
    shutil.rmtree(directory)


def works():
    found = {}
    for name, function in list(globals().items()):
        if name.startswith("work_"):
            try:
                function()
                found[name.removeprefix("work_")] = "ok"
            except Exception as error:
                found[name.removeprefix("work_")] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    if "--wait" in sys.argv:
        sys.stdin.readline()
    answer = {"works": works(), "denied": denied()}
    sys.stdout.write(json.dumps(answer) + "\n")
