# ruff: noqa: E501 - attacks are easier to read unbroken
"""Beyond the list: what a worker may try against the other processes of its container, and against whatever
serves the next question.  They run as the same user, so nothing but the seal and the filters keeps them apart.
"""

from __future__ import annotations

from .case import DENIED, GVISOR, READ_ONLY, AttackCase, all_fail, both, either, ends, finds, gives, nothing_passes
from .seen import Seen

CONTAINER, WORKER = ("container",), ("worker",)


def filtered_twice(seen: Seen) -> None:
    evidence = seen.evidence
    assert int(evidence.pop("filters")) >= 2
    assert evidence == {
        "mode": "2",
        "no new privileges": "1",
        "capabilities": " ".join(["0000000000000000"] * 5),
        "users": "65532 65532 65532 65532",
        "traced by": "0",
    }


def only_own_descriptors(seen: Seen) -> None:
    kinds = seen.evidence["kinds"].split()
    assert kinds.count("socket") == 1, "the channel to the supervisor"
    assert kinds.count("memory") <= 1, "where its results go"
    assert set(kinds) <= {"socket", "pipe", "null", "memory"}, kinds


def nothing_but_names(seen: Seen) -> None:
    """Nothing, and nothing of the dead, who have nothing left."""
    opened = {
        name: value
        for name, value in seen.evidence.items()
        if value not in ("EACCES", "EPERM", "ENOENT", "ESRCH", "passed b''")
    }
    assert not opened, opened


SIGNALS = """
import fcntl
tried = {}
for process in others():
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, 40):
        a, b = socket.socketpair()
        tried[f'owner {process} {number}'] = attempt(fcntl.fcntl, a, fcntl.F_SETOWN, process)
        tried[f'group {process} {number}'] = attempt(fcntl.fcntl, a, fcntl.F_SETOWN, -process)
        tried[f'signal {process} {number}'] = attempt(fcntl.fcntl, a, 10, int(number))
        tried[f'owner_ex {process} {number}'] = attempt(fcntl.fcntl, a, 15, int(1).to_bytes(4, 'little') + process.to_bytes(4, 'little'))
        tried[f'ioctl {process} {number}'] = attempt(fcntl.ioctl, a, 0x8901, process.to_bytes(4, 'little'))
        fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
        b.send(b'x')
        a.close(), b.close()
time.sleep(0.05)
tried
"""

OTHER_PROCESSES = [
    AttackCase(
        25, "kill every other process", "python",
        """
tried = {}
for process in [*others(), -1, 0, 1, *(-p for p in others())]:
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, 0):
        tried[f'kill {process} {number}'] = attempt(os.kill, process, number)
        tried[f'tkill {process} {number}'] = call('tkill', process, int(number))
        tried[f'tgkill {process} {number}'] = call('tgkill', process, process, int(number))
        tried[f'queue {process} {number}'] = call('rt_sigqueueinfo', process, int(number), bytes(128))
tried['pidfd'] = call('pidfd_open', 1, 0)
if os.path.isdir('/proc/1'):
    tried['pidfd by /proc'] = call('pidfd_send_signal', os.open('/proc/1', os.O_RDONLY), 9, 0, 0)
tried['child'] = in_child(lambda: os.kill(1, 9))
tried
""",
        WORKER, all_fail("EPERM"),
    ),
    AttackCase(25, "signal others as the owner of a descriptor", "python", SIGNALS, WORKER, all_fail("EPERM", "EACCES")),
    AttackCase(
        25, "signal others from a timer, and on the death of a child", "python",
        """
tried = {}
for process in others():
    for target in (process,):
        event = (0).to_bytes(8, 'little') + int(signal.SIGKILL).to_bytes(4, 'little') + (4).to_bytes(4, 'little') + target.to_bytes(4, 'little') + bytes(44)
        timer = ctypes.c_int()
        tried[f'timer {process}'] = call('timer_create', 0, event, ctypes.cast(ctypes.byref(timer), ctypes.c_void_p))
# A child whose end is told by SIGKILL, and that outlives its parent: the supervisor inherits it.
parent = os.fork()
if not parent:
    call('clone', int(signal.SIGKILL), 0, 0, 0, 0) == 'passed 0' and time.sleep(0.05)
    os._exit(0)
os.waitpid(parent, 0)
time.sleep(0.15)
tried
""",
        WORKER, all_fail("EINVAL", "EPERM"),
    ),
    AttackCase(
        25, "trace others and write their memory", "python",
        """
LIBC.prctl(4, 1, 0, 0, 0)
tried = {}
for process in others():
    for request in (16, 0x4206, 4, 0):
        tried[f'ptrace {request} {process}'] = call('ptrace', request, process, 0, 0)
    tried[f'read {process}'] = call('process_vm_readv', process, 0, 0, 0, 0, 0)
    tried[f'write {process}'] = call('process_vm_writev', process, 0, 0, 0, 0, 0)
    tried[f'compare {process}'] = call('kcmp', os.getpid(), process, 0, 0, 0)
    tried[f'robust {process}'] = call('get_robust_list', process, bytes(8), bytes(8))
    for mode in ('rb', 'r+b'):
        tried[f'mem {mode} {process}'] = attempt(open, f'/proc/{process}/mem', mode)
tried
""",
        WORKER, all_fail(*DENIED, "ENOSYS"), on={GVISOR: nothing_passes("robust")},
    ),
    AttackCase(
        101, "read what the kernel tells of others", "python",
        """
LIBC.prctl(4, 1, 0, 0, 0)
tried = {}
for process in others():
    for name in ('environ', 'maps', 'smaps', 'mem', 'auxv', 'pagemap', 'stack', 'syscall', 'io', 'timers', 'map_files', 'fd', 'fdinfo', 'personality'):
        path = f'/proc/{process}/{name}'
        tried[path] = attempt(os.listdir if name in ('map_files', 'fd', 'fdinfo') else read, path)
    for name in ('cwd', 'root', 'exe', 'ns/net', 'ns/mnt', 'ns/pid'):
        tried[f'{process} {name}'] = attempt(os.readlink, f'/proc/{process}/{name}')
    for name in ('oom_score_adj', 'comm', 'clear_refs', 'coredump_filter', 'timerslack_ns', 'autogroup', 'sched', 'loginuid', 'attr/current'):
        tried[f'write {process} {name}'] = attempt(write, f'/proc/{process}/{name}', b'0')
tried
""",
        WORKER, nothing_but_names,
    ),
    AttackCase(
        101, "descriptors of others, opened by their numbers", "python",
        """
tried = {}
for process in others():
    for number in range(24):
        for mode in ('rb', 'r+b', 'wb'):
            tried[f'{process} {number} {mode}'] = attempt(open, f'/proc/{process}/fd/{number}', mode, 0)
tried
""",
        WORKER, nothing_passes(),
    ),
    AttackCase(
        102, "memory of the workers that are being made", "python",
        """
end, won = time.monotonic() + 0.15, 0
known = others()
paths = [f'/proc/{p}/mem' for p in range(max(known) - 4, max(known) + 8) if p != os.getpid()]
while time.monotonic() < end and not won:
    for path in paths:
        try:
            os.open(path, os.O_RDWR)
            won += 1
        except OSError:
            pass
won
""",
        WORKER, gives([[0]]), rounds=12,
    ),
    AttackCase(
        103, "limits of others", "python",
        """
import resource
tried = {}
for process in others():
    for name in ('RLIMIT_NOFILE', 'RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_STACK', 'RLIMIT_NPROC', 'RLIMIT_DATA'):
        tried[f'{process} {name}'] = attempt(resource.prlimit, process, getattr(resource, name), (1, 1))
tried
""",
        WORKER, all_fail("EPERM"),
    ),
    AttackCase(
        104, "priority and processors of others", "python",
        """
tried = {'user': attempt(os.setpriority, os.PRIO_USER, 0, 19), 'user by number': attempt(os.setpriority, os.PRIO_USER, os.getuid(), 19)}
for process in others():
    tried |= {
        f'{process} nice': attempt(os.setpriority, os.PRIO_PROCESS, process, 19), f'{process} group': attempt(os.setpriority, os.PRIO_PGRP, process, 19),
        f'{process} processors': attempt(os.sched_setaffinity, process, {0}),
        f'{process} policy': attempt(os.sched_setscheduler, process, os.SCHED_IDLE, os.sched_param(0)),
        f'{process} io': call('ioprio_set', 1, process, 0x6000),
    }
tried
""",
        WORKER, all_fail("EPERM"), on={GVISOR: nothing_passes()},
    ),
    AttackCase(
        105, "descriptors left over from the supervisor", "python",
        """
import stat
kinds = []
for number, facts in descriptors():
    mode = facts.st_mode
    kinds.append('socket' if stat.S_ISSOCK(mode) else 'pipe' if stat.S_ISFIFO(mode) else 'null' if stat.S_ISCHR(mode)
        else 'memory' if number == memory() else f'{number}: {mode:o}')
{'kinds': ' '.join(kinds)}
""",
        WORKER, only_own_descriptors,
    ),
    AttackCase(
        106, "two filters, no privileges", "python",
        """
{
    'filters': status('Seccomp_filters', '2'), 'mode': status('Seccomp', '2'), 'no new privileges': status('NoNewPrivs', '1'),
    'capabilities': ' '.join(status(f'Cap{kind}', '0' * 16) for kind in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')),
    'users': ' '.join(status('Uid', '65532 ' * 4).split()), 'traced by': status('TracerPid', '0'),
}
""",
        ("worker", "container"), filtered_twice,
    ),
    AttackCase(
        107, "no shared memory, no devices, no terminal of another", "python",
        """
from multiprocessing import shared_memory, Lock
tried = {
    'directory': attempt(os.listdir, '/dev/shm'), 'named': attempt(shared_memory.SharedMemory, 'planted', True, 100), 'lock': attempt(Lock),
    'queue': attempt(write, '/dev/mqueue/planted'), 'segment': call('shmget', 0, 4096, 0o1600), 'message queue': call('mq_open', b'/x', 0o102, 0o600, 0),
    'terminal': attempt(open, '/dev/tty'), 'console': attempt(open, '/dev/console'), 'device': attempt(os.mknod, '/tmp/x', 0o60600, os.makedev(254, 0)),
    'memory device': attempt(os.mknod, '/tmp/y', 0o20600, os.makedev(1, 1)),
}
tried
""",
        CONTAINER, all_fail("ENOENT", "EPERM", "EACCES", "EROFS", "ENOSYS", "ENXIO", "FileNotFoundError"), on={GVISOR: nothing_passes("directory")},
    ),
]  # fmt: skip

SURVIVORS = [
    AttackCase(
        108, "leave the process group", "python",
        """
{
    'session': attempt(os.setsid), 'group': attempt(os.setpgid, 0, 0), 'group of the zygote': attempt(os.setpgid, 0, 1),
    'session of a child': in_child(os.setsid), 'group of a child': in_child(lambda: os.setpgid(0, 0)),
    'group by number': call('setpgid', os.getpid(), os.getpid()), 'terminal': attempt(os.tcsetpgrp, 1, os.getpid()),
}
""",
        WORKER, all_fail("EPERM", "ENOTTY"),
    ),
    AttackCase(
        109, "daemons that ignore every signal", "python",
        """
for _ in range(10):
    if os.fork() == 0:
        if os.fork():
            os._exit(0)
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.closerange(0, 256)
        while True:
            try:
                write('/tmp/planted')
            except OSError:
                pass
'daemons'
""",
        WORKER, gives([["daemons"]]), greedy=True,
    ),
    AttackCase(
        110, "processes that hop from number to number", "python",
        """
for _ in range(12):
    if os.fork() == 0:
        while True:
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                pass
time.sleep(0.05)
'hopping'
""",
        WORKER, gives([["hopping"]]), rounds=2, greedy=True,
    ),
    AttackCase(
        111, "siblings, made children of the supervisor", "python",
        """
CLONE_PARENT, CLONE_UNTRACED, CLONE_FILES = 0x8000, 0x800000, 0x400
for flags in (CLONE_PARENT | 17, CLONE_PARENT | CLONE_UNTRACED | 17, CLONE_FILES | 17, 9):
    for _ in range(3):
        if call('clone', flags, 0, 0, 0, 0) == 'passed 0':
            time.sleep(600)
            os._exit(0)
print('made')
'made'
""",
        WORKER, ends("ok"),
    ),
    AttackCase(
        112, "a crowd of zombies and orphans", "python",
        """
for _ in range(60):
    try:
        if os.fork() == 0:
            os.fork()
            os._exit(0)
    except OSError:
        time.sleep(0.001)
'crowd'
""",
        WORKER, gives([["crowd"]]), greedy=True,
    ),
    AttackCase(
        113, "a child that holds everything open after the end", "python",
        "if os.fork() == 0:\n    time.sleep(600)\nos._exit(3)", WORKER, ends("crashed", code="worker_exited"),
    ),
    AttackCase(
        114, "stopped by its own child", "python",
        "if os.fork() == 0:\n    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(600)\ntime.sleep(600)", WORKER, ends("timeout"), timeout=1.0,
    ),
    AttackCase(
        115, "kernel memory: pipes", "python",
        """
import fcntl
held = []
try:
    for _ in range(300):
        read_end, write_end = os.pipe()
        held.append((read_end, write_end))
        fcntl.fcntl(write_end, 1031, 1 << 20)
        os.set_blocking(write_end, False)
        os.write(write_end, b'x' * (1 << 20))
except OSError:
    pass
for pair in held[:40]:
    for end in pair:
        os.close(end)
'held'
""",
        CONTAINER, gives([["held"]]), greedy=True,
    ),
]  # fmt: skip

IN_FLIGHT = [
    AttackCase(
        125, "descriptors in flight, which the kernel counts for all sandboxes together", "python",
        """
import array
a, b = socket.socketpair()
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [a.fileno()]))]
{'sent': attempt(a.sendmsg, [b'x'], rights), 'many': call('sendmmsg', a.fileno(), 0, 0, 0), 'child': in_child(lambda: a.sendmsg([b'x'], rights))}
""",
        WORKER, all_fail("EPERM"),
    ),
]  # fmt: skip

ALL_USED = finds(count=True, inodes="ENOSPC", bytes={"ENOSPC", "EFBIG"})

SCRATCH = [
    AttackCase(
        116, "scratch full of everything that is hard to remove", "python",
        """
os.makedirs('/tmp/a/b/c'); write('/tmp/a/b/c/f'); os.chmod('/tmp/a/b', 0); os.chmod('/tmp/a', 0o111)
os.symlink('/', '/tmp/root'); os.symlink('/data', '/tmp/data'); os.symlink('loop', '/tmp/loop'); os.symlink('/tmp', '/tmp/a-loop')
os.mkfifo('/tmp/fifo', 0)
write('/tmp/read-only'); os.chmod('/tmp/read-only', 0)
os.mkdir('/tmp/' + 'n' * 255); write(b'/tmp/\\xff\\xfe\\n\\t'); write('/tmp/-rf'); write('/tmp/ '); os.mkdir('/tmp/...')
os.mkdir('/tmp/sticky', 0o1777); os.link('/tmp/-rf', '/tmp/sticky/hard')
open('/tmp/open', 'w').write('x')
'planted'
""",
        WORKER, gives([["planted"]]),
    ),
    AttackCase(
        117, "names that the emptying itself could want", "python",
        """
for number in range(1, 400):
    write(f'/tmp/.emptying-1-{number}')
    os.makedirs(f'/tmp/.emptying-{number}/x/y', exist_ok=True)
for number in range(1, 300):
    os.makedirs(f'/tmp/tree/{number}/x')
'planted'
""",
        WORKER, gives([["planted"]]),
    ),
    AttackCase(
        118, "a tree as deep as it goes", "python",
        """
depth = 0
try:
    while True:
        os.mkdir('d' * 200, 0o700)
        os.chdir('d' * 200)
        depth += 1
except OSError:
    pass
depth > 1000
""",
        WORKER, gives([[True]]), timeout=8.0, costs_on={GVISOR}, on={GVISOR: either(gives([[True]]), ends("timeout"))},
    ),
    AttackCase(
        119, "every inode used, and every byte", "python",
        """
count = 0
os.makedirs('/tmp/many')
try:
    while True:
        os.link('/tmp/many/0', f'/tmp/many/{count}') if count and count % 2 else os.close(os.open(f'/tmp/many/{count}', os.O_CREAT))
        count += 1
except OSError as error:
    inodes = named(error)
{'count': 4000 < count < 4200, 'inodes': inodes, 'bytes': attempt(fill, '/tmp/many/0')}
""",
        CONTAINER, ALL_USED, timeout=8.0, costs_on={GVISOR}, on={GVISOR: either(ALL_USED, ends("timeout"))},
    ),
    AttackCase(
        120, "places of the workers that wait", "python",
        """
import shutil
end = time.monotonic() + 0.1
while time.monotonic() < end:
    for name in os.listdir('/tmp'):
        shutil.rmtree('/tmp/' + name, ignore_errors=True)
        try:
            os.unlink('/tmp/' + name)
        except OSError:
            pass
    for number in range(1, 3000, 37):
        try:
            os.symlink('/data', f'/tmp/w{number}')
            write(f'/tmp/w{number + 1}')
            os.makedirs(f'/tmp/w{number + 2}/spill/x', 0)
        except OSError:
            pass
'poisoned'
""",
        WORKER, gives([["poisoned"]]), rounds=6,
    ),
    AttackCase(
        121, "locks, leases and watches on what others use", "python",
        """
import fcntl
tried = {}
for path in ('/data/tables/flights.parquet', '/opt/csvanalyst/runner/worker.py', sys.executable, '/dev/null'):
    file = os.open(path, os.O_RDONLY)
    attempt(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    tried[f'lease {path}'] = attempt(fcntl.fcntl, file, 1024, fcntl.F_WRLCK)
tried['notify'] = attempt(fcntl.fcntl, os.open('/tmp', os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_MULTISHOT | fcntl.DN_CREATE)[:6]
tried['watch'] = call('inotify_init1', 0)
{'still': int(sql('SELECT count(*) AS n FROM flights').n[0]), 'watch': tried['watch']}
""",
        WORKER, finds(still=5, watch="EPERM"),
    ),
]  # fmt: skip

SHARED_LIBRARIES = [
    AttackCase(
        122, "libraries, bytecode and the dynamic loader", "python",
        """
import numpy, pandas, pyarrow, duckdb
os.environ['LD_PRELOAD'] = '/tmp/planted.so'
tried = {}
for module in (numpy, pandas, pyarrow, duckdb, os):
    cached = getattr(module, '__cached__', None) or module.__file__
    for path in {module.__file__, cached, os.path.dirname(module.__file__) + '/planted.py', '/etc/ld.so.preload', '/etc/ld.so.cache'}:
        tried[path] = attempt(write, path, mode='ab')
    tried[f'remount {module.__name__}'] = call('mount', b'none', os.path.dirname(module.__file__).encode(), b'tmpfs', 0, 0)
tried
""",
        CONTAINER, all_fail(*READ_ONLY, "ENOENT"),
    ),
    AttackCase(
        123, "write to libraries that are mapped", "python",
        """
start = ctypes.cast(LIBC.getpid, ctypes.c_void_p).value & ~4095
LIBC.mprotect(ctypes.c_void_p(start), 4096, 7)
before = ctypes.string_at(start, 4)
ctypes.memmove(start, b'\\x90\\x90\\x90\\x90', 4)
ctypes.memmove(start, before, 4)
'a copy of its own'
""",
        WORKER, both(ends("ok", "crashed")),
    ),
]  # fmt: skip

CASES = [*OTHER_PROCESSES, *SURVIVORS, *IN_FLIGHT, *SCRATCH, *SHARED_LIBRARIES]
