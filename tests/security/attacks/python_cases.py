# ruff: noqa: E501 - attacks are easier to read unbroken
"""Section A of the attack list: hostile Python in the runner.  Numbers are those of the list."""

from __future__ import annotations

from .case import (
    DENIED,
    FILTERED,
    GVISOR,
    READ_ONLY,
    AttackCase,
    all_fail,
    both,
    either,
    ends,
    finds,
    gives,
    nothing_passes,
)
from .seen import Seen

CONTAINER, WORKER = ("container",), ("worker",)
PLAIN_ENVIRONMENT = {
    *("PATH", "HOME", "HOSTNAME", "LC_ALL", "MPLBACKEND", "MPLCONFIGDIR"),
    *("ARROW_IO_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"),
}


def nothing_in_the_environment(seen: Seen) -> None:
    names = set(seen.evidence["names"].split())
    assert "PATH" in names
    assert names <= PLAIN_ENVIRONMENT, names - PLAIN_ENVIRONMENT
    supervisor = seen.evidence["supervisor"]
    assert supervisor in ("EACCES", "ENOENT"), supervisor


def few_children(seen: Seen) -> None:
    assert seen.evidence["error"] in ("EAGAIN", "RuntimeError")
    assert 10 < seen.evidence["started"] < 128


def only_loopback(seen: Seen) -> None:
    assert seen.evidence["interfaces"] == "lo"
    assert seen.evidence["routes"] == 0


def written_as_it_is(seen: Seen) -> None:
    assert seen.outcome is not None
    assert seen.outcome.stdout == HOSTILE_TEXT
    assert seen.evidence == {"done": 1}


def kept_to(limit: int) -> object:
    def check(seen: Seen) -> None:
        assert seen.outcome is not None
        assert len(seen.outcome.stdout) <= limit
        assert seen.outcome.stdout_truncated

    return check


def cut(cap: str, *, rows: int | None = None, columns: int | None = None) -> object:
    def check(seen: Seen) -> None:
        assert seen.status == "ok", seen.outcome
        assert seen.outcome is not None
        assert seen.outcome.table is not None
        assert cap in seen.outcome.truncated
        assert rows is None or seen.outcome.table.num_rows == rows
        assert columns is None or seen.outcome.table.num_columns == columns

    return check


HOSTILE_TEXT = (
    "\x1b[2J\x1b[31mred\rgood\x1b]8;;http://evil.example/\x1b\\x\x1b]8;;\x1b\\ "
    "\u202etxt\u2066 \x9b31m\nERROR root: forged\n\x00\x07"
)

FILES = [
    AttackCase(
        1, "environment of the worker and the supervisor", "python",
        """
def names():
    return ' '.join(line.split('=')[0] for line in read('/proc/1/environ', 100_000).decode().split('\\0'))
{'names': ' '.join(os.environ), 'supervisor': attempt(names)}
""",
        CONTAINER, nothing_in_the_environment,
    ),
    AttackCase(
        2, "files of the host and of another session", "python",
        """
{
    'direct': attempt(read, '@CANARY_FILE@'),
    'root of the supervisor': attempt(read, '/proc/1/root@CANARY_FILE@'),
    'own root': attempt(read, '/proc/self/root@CANARY_FILE@'),
    'dots': attempt(read, '/data/tables/../../../..@CANARY_FILE@'),
    'link': (os.symlink('@CANARY_FILE@', '/tmp/link'), attempt(read, '/tmp/link'))[1],
    'other session': attempt(os.listdir, '@OTHER_SESSION@'),
    'sibling of data': attempt(os.listdir, '/data/../data2'),
    'docker': attempt(os.listdir, '/var/lib/docker'),
    'engine': attempt(os.stat, '/var/run/docker.sock'),
    'disks': attempt(os.stat, '/dev/vda'),
    'memory': attempt(read, '/dev/mem'),
    'kernel': attempt(read, '/proc/kcore'),
    'kernel log': attempt(read, '/dev/kmsg'),
}
""",
        CONTAINER, all_fail("ENOENT", "EACCES", "EPERM"),
    ),
    AttackCase(
        2, "the data directory holds this session only", "python",
        "{'data': ' '.join(sorted(os.listdir('/data'))), 'tables': ' '.join(os.listdir('/data/tables'))}",
        CONTAINER, finds(data="incoming tables", tables="flights.parquet"),
    ),
    AttackCase(
        3, "write to the image, its libraries and the kernel's files", "python",
        """
import pandas
paths = ['/x', '/etc/passwd', '/opt/csvanalyst/runner/worker.py', '/opt/csvanalyst/csvanalyst_ext/protocol.py',
    os.__file__, pandas.__file__, sys.executable, '/usr/lib/python3.11/sitecustomize.py', '/dev/x', '/dev/mqueue/x',
    '/dev/shm/x', '/sys/fs/cgroup/x', '/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max',
    '/sys/fs/cgroup/cgroup.procs', '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/1/oom_score_adj',
    '/proc/self/oom_score_adj', '/proc/1/comm', '/proc/sys/vm/drop_caches', '/var/tmp/x', '/run/x', '/home/x', '/root/x']
tried = {path: attempt(write, path, mode='ab') for path in paths}
code = '/opt/csvanalyst/runner/worker.py'
tried |= {
    'remove': attempt(os.unlink, code), 'rename': attempt(os.rename, code, code + 'x'), 'link': attempt(os.link, code, '/tmp/x'),
    'symlink': attempt(os.symlink, '/tmp/x', '/opt/csvanalyst/runner/x.py'), 'chmod': attempt(os.chmod, code, 0o777),
    'touch': attempt(os.utime, code), 'bytecode': attempt(os.mkdir, '/opt/csvanalyst/runner/planted'),
    'attribute': attempt(os.setxattr, code, 'user.x', b'x'), 'chown': attempt(os.chown, code, 0, 0),
    'truncate': attempt(os.truncate, code, 0),
}
tried
""",
        CONTAINER, all_fail(*READ_ONLY, "ENOENT", "EXDEV"),
    ),
    AttackCase(
        3, "the scratch directory is the only place to write", "python",
        """
places = []
for place, directories, files in os.walk('/'):
    if place in ('/proc', '/sys'):
        directories[:] = []
    elif os.access(place, os.W_OK) and not place.startswith('/tmp'):
        places.append(place)
    places += [os.path.join(place, name) for name in files if os.access(os.path.join(place, name), os.W_OK)
        and not os.path.islink(os.path.join(place, name)) and not place.startswith(('/tmp', '/dev/pts', '/proc', '/sys'))
        and os.path.join(place, name) not in ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty',
            '/dev/ptmx')]
{'places': ' '.join(places)}
""",
        CONTAINER, finds(places=""), on={GVISOR: finds(places={"", "/dev/fuse /dev/net/tun"})},
    ),
    AttackCase(
        4, "write to the data", "python",
        """
table = '/data/tables/flights.parquet'
{
    'new': attempt(write, '/data/x.csv'), 'new table': attempt(write, '/data/tables/x.parquet'),
    'over': attempt(write, table), 'append': attempt(write, table, mode='ab'), 'truncate': attempt(os.truncate, table, 0),
    'remove': attempt(os.unlink, table), 'rename': attempt(os.rename, table, '/data/tables/y'), 'chmod': attempt(os.chmod, table, 0),
    'link': attempt(os.symlink, '/etc', '/data/incoming/x'), 'hard link': attempt(os.link, table, '/tmp/x'),
    'directory': attempt(os.mkdir, '/data/x'), 'fifo': attempt(os.mkfifo, '/data/incoming/x'), 'touch': attempt(os.utime, table),
    'incoming': attempt(write, '/data/incoming/x'), 'by descriptor': attempt(write, '/proc/self/fd/%d' % os.open(table, os.O_RDONLY)),
}
""",
        CONTAINER, all_fail(*READ_ONLY, "EXDEV"), on={GVISOR: all_fail(*READ_ONLY, "EXDEV", "ENOENT")},
    ),
    AttackCase(
        5, "one file of 10 GB", "python",
        """
file = os.open('/tmp/big', os.O_RDWR | os.O_CREAT)
{
    'sparse': attempt(os.ftruncate, file, 10 << 30), 'reserved': attempt(os.posix_fallocate, file, 0, 10 << 30),
    'far away': attempt(os.pwrite, file, b'x', 10 << 30), 'written': attempt(fill, '/tmp/big2'), 'one more': attempt(fill, '/tmp/big3'),
}
""",
        CONTAINER, all_fail("EFBIG", "ENOSPC"),
    ),
]  # fmt: skip

RESOURCES = [
    AttackCase(7, "touch 8 GB", "python", "x = b'x' * (8 << 30)\nlen(x)", CONTAINER, ends("memory", code="out_of_memory")),
    AttackCase(
        7, "8 GB in numpy", "python", "import numpy\nint(numpy.ones(1 << 30).sum())", CONTAINER,
        ends("memory", code="out_of_memory"),
    ),
    AttackCase(
        7, "children that each take a little too much", "python",
        """
for _ in range(40):
    if not os.fork():
        held = b'x' * (40 << 20)
        time.sleep(600)
time.sleep(1)
'parent'
""",
        CONTAINER, ends("ok", "memory", "crashed", "timeout"), timeout=3.0, costs_sandbox=True, greedy=True,
    ),
    AttackCase(
        8, "fork until it fails", "python",
        """
started, error = 0, ''
try:
    while True:
        if not os.fork():
            time.sleep(600)
        started += 1
except OSError as raised:
    error = named(raised)
{'started': started, 'error': error}
""",
        CONTAINER, few_children, greedy=True,
    ),
    AttackCase(
        8, "fork bomb of siblings", "python",
        """
SIGCHLD, CLONE_PARENT = 17, 0x8000
while True:
    call('clone', CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
""",
        CONTAINER, ends("timeout"), timeout=1.5, greedy=True,
    ),
    AttackCase(
        9, "threads without end", "python",
        """
import threading
started, error = 0, ''
try:
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        started += 1
except RuntimeError as raised:
    error = type(raised).__name__
{'started': started, 'error': error}
""",
        CONTAINER, few_children, greedy=True,
    ),
    AttackCase(11, "endless loop", "python", "while True: pass", WORKER, ends("timeout"), timeout=1.0),
    AttackCase(11, "endless arithmetic", "python", "x = 9\nx ** (9 ** 9)", WORKER, ends("timeout"), timeout=1.0),
    AttackCase(
        11, "catastrophic regular expression", "python", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", WORKER,
        ends("timeout"), timeout=1.0,
    ),
    AttackCase(11, "10 GB of text", "python", "len('a' * 10**10)", CONTAINER, ends("memory")),
    AttackCase(
        11, "code that takes the parser long", "python", "x = " + "(" * 199 + "1" + ")" * 199 + "\n" + "x\n" * 60_000, WORKER,
        ends("ok", "error", "timeout", "memory"), timeout=4.0,
    ),
    AttackCase(
        11, "constant folding of a huge power", "python", "(2 ** 127) ** 999_999_999", WORKER, ends("timeout", "memory"),
        timeout=1.0,
    ),
    AttackCase(
        12, "signals ignored and everything caught", "python",
        """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    try:
        while True:
            time.sleep(0.01)
    except BaseException:
        pass
""",
        WORKER, ends("timeout"), timeout=1.0,
    ),
    AttackCase(12, "stopped by itself", "python", "os.kill(os.getpid(), signal.SIGSTOP)", WORKER, ends("timeout"), timeout=1.0),
    AttackCase(
        12, "a parent held up by its child", "python", "VFORK = (58, 0)[MACHINE]\ncall(VFORK) if VFORK else 0\ntime.sleep(600)",
        WORKER, ends("timeout"), timeout=1.0,
    ),
    AttackCase(
        13, "flood of standard error by children", "python",
        """
for _ in range(4):
    if not os.fork():
        break
while True:
    os.write(2, b'x' * (1 << 20))
""",
        WORKER, both(ends("timeout"), kept_to(65536)), timeout=1.0,
    ),
    AttackCase(
        13, "flood of short lines", "python", "while True: print()", WORKER, both(ends("timeout"), kept_to(65536)),
        timeout=1.0, on={GVISOR: ends("timeout")},
    ),
    AttackCase(
        14, "terminal escapes and forged lines are data", "python",
        f"sys.stdout.write({HOSTILE_TEXT!r})\n{{'done': 1}}", WORKER, written_as_it_is,
    ),
    AttackCase(
        14, "output that is no text", "python", "os.write(1, bytes(range(256)) * 1000)\n{'done': 1}", WORKER,
        both(kept_to(65536), finds(done=1)),
    ),
]  # fmt: skip

NETWORK = [
    AttackCase(
        15, "metadata service, host and names", "python",
        """
import urllib.request
here = {
    'metadata': attempt(socket.create_connection, ('169.254.169.254', 80), 1),
    'bridge': attempt(socket.create_connection, ('@BRIDGE@', @BRIDGE_PORT@), 1),
    'loopback': attempt(socket.create_connection, ('127.0.0.1', @PORT@), 1),
    'desktop': attempt(socket.create_connection, ('192.168.65.7', 2375), 1),
    'datagram': attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM),
    'raw': attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1),
    'ip 6': attempt(socket.socket, socket.AF_INET6),
    'unix': attempt(socket.socket, socket.AF_UNIX),
    'name': attempt(socket.getaddrinfo, 'host.docker.internal', 80),
    'url': attempt(urllib.request.urlopen, 'http://@BRIDGE@:@BRIDGE_PORT@/', None, 1),
    'child': in_child(lambda: socket.create_connection(('127.0.0.1', @PORT@), 1)),
}
here
""",
        ("worker", "container"), all_fail("EPERM", "gaierror", "URLError"),
    ),
    AttackCase(
        17, "there is no interface but lo", "python",
        """
routes = open('/proc/net/route').read().splitlines()[1:] if os.path.exists('/proc/net/route') else []
{'interfaces': ' '.join(sorted(os.listdir('/sys/class/net'))), 'routes': len(routes)}
""",
        CONTAINER, only_loopback,
    ),
    AttackCase(
        17, "network by way of the engine's extensions", "python",
        """
import duckdb
fresh = duckdb.connect()
{
    'load': attempt(fresh.execute, 'LOAD httpfs'),
    'read': attempt(fresh.execute, "FROM read_csv('http://@BRIDGE@:@BRIDGE_PORT@/x.csv')"),
    'attach': attempt(fresh.execute, "ATTACH 'http://@BRIDGE@:@BRIDGE_PORT@/x.db'"),
}
""",
        ("worker", "container"), all_fail("IOException", "HTTPException", "MissingExtensionException", "AutoloadException", "Error"),
        timeout=15.0,
    ),
    AttackCase(
        19, "sockets of every family", "python",
        """
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
tried = {f'{family}/{kind}': attempt(socket.socket, family, kind, 0) for family in range(1, 47) for kind in kinds}
tried |= {f'pair {family}': attempt(socket.socketpair, family) for family in range(2, 47)}
tried['wide'] = call('socket', (1 << 32) | 2, 1, 0)
tried
""",
        ("worker", "container"), all_fail("EPERM"), on={GVISOR: nothing_passes()},
    ),
]  # fmt: skip

KERNEL = [
    AttackCase(
        20, "kernel interfaces that nothing here needs", "python",
        "{name: call(name, 0, 0, 0, 0, 0, 0) for name in PROFILE}",
        CONTAINER, all_fail(*FILTERED), on={GVISOR: nothing_passes()},
    ),
    AttackCase(
        20, "what workers are denied by their own filter", "python", "{name: call(name, 0, 0, 0, 0, 0, 0) for name in SEALED}", WORKER,
        all_fail("EPERM"),
    ),
    AttackCase(
        20, "more of the kernel's old and rare corners", "python",
        """
names = ['sched_setscheduler', 'sched_setparam', 'sched_setattr', 'ioprio_set', 'migrate_pages', 'move_pages', 'mq_notify',
    'process_mrelease', 'io_setup', 'semget', 'msgget', 'lookup_dcookie', 'iopl', 'ioperm', 'modify_ldt', 'uselib', 'nfsservctl',
    'vhangup', 'mbind', 'remap_file_pages', 'setxattr', 'fchown', 'fchownat', 'tee', 'sync']
{name: call(name, 0, 0, 0, 0, 0, 0) for name in names if NUMBERS[name][MACHINE] > 0}
""",
        CONTAINER, all_fail(*FILTERED), on={GVISOR: nothing_passes("sync", "fchown")},
    ),
    AttackCase(
        21, "namespaces, by unshare and by clone", "python",
        """
flags = {'user': 0x10000000, 'mount': 0x20000, 'net': 0x40000000, 'pid': 0x20000000, 'ipc': 0x8000000, 'uts': 0x4000000,
    'cgroup': 0x2000000}
tried = {f'unshare {name}': call('unshare', flag) for name, flag in flags.items()}
tried |= {f'clone {name}': call('clone', flag | 17, 0, 0, 0, 0) for name, flag in flags.items()}
tried |= {f'child {name}': in_child(lambda: os.abort() if 'passed' in call('unshare', flag) else 1 / 0)
    .replace('ZeroDivisionError', 'EPERM') for name, flag in flags.items()}
tried['setns'] = call('setns', os.open('/proc/self/ns/net', os.O_RDONLY), 0) if os.access('/proc/self/ns/net', os.R_OK) else 'EPERM'
tried
""",
        CONTAINER, all_fail("EPERM"),
    ),
    AttackCase(
        22, "become root", "python",
        """
import stat
found = [os.path.join(place, name) for place, _, names in os.walk('/usr') for name in names
    if os.lstat(os.path.join(place, name)).st_mode & (stat.S_ISUID | stat.S_ISGID)
    and stat.S_ISREG(os.lstat(os.path.join(place, name)).st_mode)]
{
    'setuid': attempt(os.setuid, 0), 'setgid': attempt(os.setgid, 0), 'setgroups': attempt(os.setgroups, [0]),
    'setresuid': attempt(os.setresuid, 0, 0, 0), 'nice': attempt(os.nice, -5), 'setuid programs': str(found[:3]),
    'run one': attempt(os.execv, found[0] if found else '/usr/bin/python3', ['x']),
    'capabilities': ' '.join(status(f'Cap{kind}', '0' * 16) for kind in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')),
    'no new privileges': status('NoNewPrivs', '1'), 'filters': int(status('Seccomp_filters', '2')) >= 2, 'mode': status('Seccomp', '2'),
}
""",
        CONTAINER,
        lambda seen: (
            finds(**{
                **dict.fromkeys(("setuid", "setgid", "setgroups", "setresuid", "nice", "run one"), "EPERM"),
                "setuid programs": {"[]", seen.evidence["setuid programs"]}, "filters": True,
                "capabilities": " ".join(["0000000000000000"] * 5), "no new privileges": "1", "mode": "2",
            })(seen)
        ),
    ),
    AttackCase(
        24, "run a program from the scratch directory or from memory", "python",
        """
import shutil, subprocess
shutil.copy(os.path.realpath(sys.executable), '/tmp/program')
os.chmod('/tmp/program', 0o755)
real = os.open(os.path.realpath(sys.executable), os.O_RDONLY)
{
    'dropped': attempt(os.execv, '/tmp/program', ['x']), 'own': attempt(os.execv, sys.executable, ['x']),
    'by descriptor': attempt(os.execve, real, ['x'], {}), 'memory': attempt(os.memfd_create, 'x'),
    'subprocess': attempt(subprocess.run, [sys.executable, '-c', '1']), 'spawn': attempt(os.posix_spawn, '/tmp/program', ['x'], {}),
    'child': in_child(lambda: os.execv('/tmp/program', ['x'])), 'loader': attempt(os.execv, '/lib64/ld-linux-x86-64.so.2', ['x', '/tmp/program']),
    'script': (write('/tmp/script', b'#!/usr/bin/python3\\n'), os.chmod('/tmp/script', 0o755), attempt(os.execv, '/tmp/script', ['x']))[2],
}
""",
        WORKER, all_fail(*DENIED, "ENOENT"),
    ),
    AttackCase(
        24, "load machine code from the scratch directory", "python",
        """
import mmap, shutil, _ctypes
shutil.copy(_ctypes.__file__, '/tmp/planted.so')
file = os.open('/tmp/planted.so', os.O_RDWR)
def load():
    sys.path.insert(0, '/tmp')
    import planted
{
    'library': attempt(ctypes.CDLL, '/tmp/planted.so'), 'module': attempt(load),
    'mapping': attempt(mmap.mmap, file, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC),
}
""",
        CONTAINER, all_fail("OSError", "EPERM", "EACCES", "ImportError"), on={GVISOR: nothing_passes("library", "mapping")},
    ),
    AttackCase(
        24, "system calls of another architecture", "python",
        """
import mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex('b814000000cd80c3') if MACHINE == 0 else bytes.fromhex('000000d4c0035fd6'))  # int 0x80 / svc
if MACHINE:
    os.kill(os.getpid(), signal.SIGSYS)  # there is no other architecture in reach
ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
""",
        ("worker", "container"), ends("crashed", code="worker_crashed"), on={GVISOR: ends("crashed", "ok")},
    ),
]  # fmt: skip

RESULTS = [
    AttackCase(
        29, "a pickle stays bytes", "python",
        "import pickle\nclass Evil:\n    def __reduce__(self): return os.system, ('id',)\npickle.dumps(Evil())",
        WORKER, lambda seen: ends("ok")(seen) or _is_bytes(seen),
    ),
    AttackCase(
        29, "objects with hostile methods", "python",
        """
class Evil:
    def __reduce__(self): return os._exit, (0,)
    def __str__(self): raise SystemExit(3)
    __repr__ = __iter__ = __len__ = __getattr__ = __array__ = __str__
    def __class__(self): return dict
Evil()
""",
        WORKER, ends("error", code={"python_result", "python_exit", "python_error"}),
    ),
    AttackCase(
        29, "an object that says it is a table", "python",
        """
class Evil:
    @property
    def __class__(self):
        import pyarrow
        return pyarrow.Table
Evil()
""",
        WORKER, ends("error", "crashed"),
    ),
    AttackCase(29, "a generator", "python", "(x for x in [1])", WORKER, ends("error", code="python_result")),
    AttackCase(
        29, "a list a million deep", "python", "x = []\nfor _ in range(10**6): x = [x]\nx", WORKER,
        ends("error", "crashed", code={"python_result", "python_error", "worker_crashed"}),
    ),
    AttackCase(29, "a dictionary that holds itself", "python", "x = {}\nx['x'] = x\nx", WORKER, ends("error", code="python_result")),
    AttackCase(
        29, "a list of lists that hold each other", "python", "x = []; y = [x]; x.append(y)\n[x, y]", WORKER,
        ends("error", code="python_result"),
    ),
    AttackCase(
        29, "a frame of objects with hostile text", "python",
        """
import pandas as pd
class Evil:
    def __str__(self): return '\\ud800' * 10
pd.DataFrame({'x': [Evil()]})
""",
        WORKER, ends("error", "ok"),
    ),
    AttackCase(
        29, "a frame whose class does what it likes", "python",
        """
import pandas as pd
class Frame(pd.DataFrame):
    @property
    def iloc(self): raise SystemExit(1)
    @property
    def columns(self): raise KeyboardInterrupt
Frame({'x': [1]})
""",
        WORKER, ends("error", "crashed"),
    ),
    AttackCase(
        29, "Arrow data made of any bytes", "python",
        """
import pyarrow as pa
offsets = (2**31 - 1).to_bytes(4, 'little')
pa.Table.from_arrays([pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bytes(4) + offsets), pa.py_buffer(b'xy')])], ['x'])
""",
        WORKER, ends("error", code={"python_result", "python_error"}),
    ),
    AttackCase(
        29, "text that is no text", "python",
        """
import pyarrow as pa
pa.table({'x': pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bytes(4) + b'\\2\\0\\0\\0'), pa.py_buffer(b'\\xff\\xfe')])})
""",
        WORKER, ends("error", code="python_result"),
    ),
    AttackCase(
        30, "the C stack overflows", "python",
        "sys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)", WORKER, ends("crashed", code="worker_crashed"),
    ),
    AttackCase(
        30, "endless recursion", "python", "def f(): return f()\nf()", WORKER, ends("error", code="python_error"),
    ),
    AttackCase(
        30, "a crash leaves no core file", "python",
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2)\n"
        "LIBC.prctl(4, 1, 0, 0, 0)\nos.chdir('/tmp')\nos.abort()",
        CONTAINER, ends("crashed", code="worker_crashed"),
    ),
    AttackCase(30, "read address 0", "python", "ctypes.string_at(0)", WORKER, ends("crashed", code="worker_crashed")),
    AttackCase(30, "abort", "python", "os.abort()", WORKER, ends("crashed", code="worker_crashed")),
    AttackCase(32, "ask for input", "python", "input()", WORKER, ends("error", code="python_error")),
    AttackCase(32, "start a debugger", "python", "breakpoint()\n1", WORKER, ends("error", "ok")),
    AttackCase(32, "exit", "python", "sys.exit(0)", WORKER, ends("error", code="python_exit")),
    AttackCase(32, "exit at once", "python", "os._exit(0)", WORKER, ends("crashed", code="worker_exited")),
    AttackCase(32, "every descriptor closed", "python", "os.closerange(0, 256)\n1", WORKER, ends("crashed", code={"worker_exited", "worker_crashed"})),
    AttackCase(
        32, "exit from a thread and at exit", "python",
        "import atexit, threading\natexit.register(os._exit, 0)\nthreading.Thread(target=lambda: os._exit(7)).start()\ntime.sleep(600)",
        WORKER, ends("crashed", code="worker_exited"),
    ),
    AttackCase(50, "a billion rows", "python", "import pyarrow as pa\npa.table({'x': pa.nulls(10**9)})", WORKER, cut("rows", rows=1000), limits={"max_rows": 1000}),
    AttackCase(50, "100,000 columns", "python", "import pandas as pd, numpy as np\npd.DataFrame(np.zeros((2, 100_000)))", WORKER, cut("columns", columns=2000), timeout=20.0),
    AttackCase(50, "a cell of 200 MB", "python", "'x' * (200 << 20)", WORKER, either(cut("cells", rows=1), ends("memory", "error")), costs_on={GVISOR}),
    AttackCase(50, "a cell of 2 GB", "python", "'x' * (2 << 30)", CONTAINER, ends("memory")),
    AttackCase(
        70, "names that repeat, are empty, huge or steer a terminal", "python",
        "import pandas as pd\npd.DataFrame([[1, 2, 3, 4, 5]], columns=['', 'a', 'a', 'b' * 10**6, '\\u202ex'])", WORKER,
        lambda seen: _names_are_plain(seen),
    ),
]  # fmt: skip


def _is_bytes(seen: Seen) -> None:
    assert seen.outcome is not None
    assert seen.outcome.columns[0].type == "BLOB"
    assert b"system" in seen.evidence["result"]


def _names_are_plain(seen: Seen) -> None:
    assert seen.outcome is not None
    assert seen.outcome.table is not None
    names = seen.outcome.table.column_names
    assert len(set(names)) == len(names) == 5
    assert all(0 < len(name) <= 255 for name in names)


POISON = [
    AttackCase(
        27, "start-up files for the next question", "python",
        """
places = ['/tmp/.local/lib/python3.11/site-packages', '/tmp/site-packages', '/tmp/.duckdb', '/tmp/.config/matplotlib', '/tmp/matplotlib',
    '/tmp/.ipython/profile_default/startup', '/tmp/.cache']
for place in places:
    os.makedirs(place, exist_ok=True)
    for name in ('sitecustomize.py', 'usercustomize.py', 'planted.pth', 'pandas.py', 'numpy.py', 'json.py', 'matplotlibrc', 'x.duckdbrc'):
        with open(f'{place}/{name}', 'w') as file:
            file.write('import builtins; builtins.planted = 1\\n')
open('/tmp/.duckdbrc', 'w').write("SET threads=1;")
open('/tmp/.pdbrc', 'w').write("import os")
os.environ['PYTHONSTARTUP'] = os.environ['planted'] = '/tmp/pandas.py'
'planted'
""",
        WORKER, gives([["planted"]]),
    ),
    AttackCase(
        27, "patched modules and builtins", "python",
        """
import builtins, json, pandas, pyarrow, types
builtins.planted, builtins.sorted, builtins.len = 1, (lambda x: []), (lambda x: 0)
pandas.Series.sum = lambda *a, **k: 0
pandas.DataFrame.__getitem__ = lambda *a: 0
json.loads = lambda *a, **k: {}
sys.modules['planted'] = types.ModuleType('planted')
for name, module in list(sys.modules.items()):
    if name.startswith(('runner', 'csvanalyst_ext')):
        for key, value in list(vars(module).items()):
            if callable(value) and key not in ('failure', 'Reply'):
                try:
                    setattr(module, key, lambda *a, **k: None)
                except (AttributeError, TypeError):
                    pass
1
""",
        WORKER, ends("crashed", "error", "ok", "timeout"), timeout=2.0, costs_sandbox=True,
    ),
    AttackCase(
        27, "a changed working process", "python",
        """
import locale, random, resource, threading
os.umask(0)
os.chdir('/')
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGUSR1})
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
os.sched_setaffinity(0, {0})
LIBC.prctl(4, 1, 0, 0, 0)  # dumpable
LIBC.prctl(36, 1, 0, 0, 0)  # subreaper
sys.path.insert(0, '/tmp')
random.seed(1)
'changed'
""",
        WORKER, gives([["changed"]]),
    ),
    AttackCase(
        27, "a changed engine", "python",
        """
connection = next(cell.cell_contents for cell in sql.__closure__ if hasattr(cell.cell_contents, 'execute'))
said = {}
for text in ('ROLLBACK', 'CREATE OR REPLACE VIEW flights AS SELECT 1 AS distance', 'CREATE MACRO sum(x) AS 42', 'SET VARIABLE planted = 1',
             'CREATE TABLE planted AS SELECT 1', 'COMMIT'):
    said[text] = attempt(connection.execute, text)
'changed'
""",
        WORKER, gives([["changed"]]),
    ),
]  # fmt: skip

ESCAPES = [
    AttackCase(
        31, "known ways around a check of the code", "python",
        """
import gc, io, pickle
import numpy as np, pandas as pd
class Evil:
    def __reduce__(self): return os.system, ('id > /tmp/out',)
pickle.dump(Evil(), open('/tmp/evil.pkl', 'wb'))
np.save('/tmp/evil.npy', np.array([Evil()], dtype=object), allow_pickle=True)
wrap = [c for c in ().__class__.__mro__[1].__subclasses__() if c.__name__ == '_wrap_close'][0]
frame = pd.DataFrame({'x': [1]})
{
    'subclasses': attempt(lambda: wrap.__init__.__globals__['popen']('id').read()),
    'pickle': attempt(pd.read_pickle, '/tmp/evil.pkl'), 'numpy': attempt(lambda: np.load('/tmp/evil.npy', allow_pickle=True)[0]),
    'query': attempt(frame.query, "@os.system('id')"), 'eval': attempt(pd.eval, "__import__('os').system('id')"),
    'format': attempt('{0.__class__.__init__.__globals__[system]}'.format, frame),
    'to data': attempt(frame.to_csv, '/data/x.csv'), 'to root': attempt(frame.to_parquet, '/x.parquet'),
    'to pickle': attempt(frame.to_pickle, '/opt/csvanalyst/x.pkl'), 'html': attempt(pd.read_html, 'http://@BRIDGE@:@BRIDGE_PORT@/'),
    'csv': attempt(pd.read_csv, 'http://@BRIDGE@:@BRIDGE_PORT@/x.csv'), 'excel': attempt(pd.read_excel, '@CANARY_FILE@'),
    'sql': attempt(pd.read_sql, 'SELECT 1', 'sqlite:////data/x.db'), 'ran': attempt(os.stat, '/tmp/out'),
}
""",
        ("worker", "container"),
        lambda seen: _nothing_ran(seen),
    ),
    AttackCase(
        31, "the engine's own connection, taken from a closure", "python",
        """
connection = next(cell.cell_contents for cell in sql.__closure__ if hasattr(cell.cell_contents, 'execute'))
connection.execute('ROLLBACK')
{text: attempt(lambda: connection.execute(text).fetchall()) for text in (
    'SET lock_configuration = false', 'SET enable_external_access = true', "SET memory_limit = '100GB'", 'RESET threads',
    "FROM read_text('/etc/passwd')", "FROM '/etc/passwd'", "FROM read_csv('/data/incoming/x')", "COPY (SELECT 1) TO '/data/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'", "EXPORT DATABASE '/tmp/x'", "ATTACH '/tmp/x.db'", "ATTACH '/data/x.db'", 'INSTALL httpfs', 'LOAD httpfs',
    "SET allowed_directories = ['/']", "SET profiling_output = '/tmp/x'", "CALL enable_logging()", "FROM glob('/**')",
    "FROM read_parquet('/data/tables/../tables/other.parquet')", "CREATE PERSISTENT SECRET s (TYPE http)",
)}
""",
        ("engine",),
        all_fail("PermissionException", "InvalidInputException", "IOException", "BinderException", "CatalogException", "TransactionException"),
    ),
]  # fmt: skip


def _nothing_ran(seen: Seen) -> None:
    evidence = seen.evidence
    # `os.system` answers with the status of a shell that could not be started.
    for name in ("pickle", "numpy"):
        assert evidence.pop(name) == "passed 32512", name
    assert evidence.pop("eval") in (
        "passed 32512",
        "ValueError",
        "NameError",
        "NotImplementedError",
        "SyntaxError",
        "TypeError",
    )
    passed = {name: value for name, value in evidence.items() if value.startswith("passed")}
    assert not passed, passed


CASES = [*FILES, *RESOURCES, *NETWORK, *KERNEL, *RESULTS, *POISON, *ESCAPES]
