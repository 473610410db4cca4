"""What attacks in Python find ready, and what is looked at after each of them.  Runs inside the sandbox."""

from __future__ import annotations

from tests.sandbox.seccomp_probe import NUMBERS as PROFILE_NUMBERS

WORKER_NUMBERS = {  # x86_64, aarch64; the worker's own filter denies these
    "execve": (59, 221), "memfd_create": (319, 279), "setsid": (112, 157), "setpgid": (109, 154), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    "setpriority": (141, 140), "sendmsg": (46, 211), "sendmmsg": (307, 269),
}  # fmt: skip
OTHER_NUMBERS = {
    "kill": (62, 129), "tgkill": (234, 131), "fcntl": (72, 25), "prlimit64": (302, 261), "clone": (56, 220),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "timer_create": (222, 107), "sched_setaffinity": (203, 122), "mq_notify": (244, 184),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "get_robust_list": (274, 100),
    "process_mrelease": (448, 448),
    "io_setup": (206, 0), "semget": (64, 190), "msgget": (68, 186), "lookup_dcookie": (212, 18), "iopl": (172, -1),
    "ioperm": (173, -1), "modify_ldt": (154, -1), "uselib": (134, -1), "nfsservctl": (180, 42), "vhangup": (153, 58),
    "inotify_init1": (294, 26), "pkey_alloc": (330, 289), "get_mempolicy": (236, 236), "set_mempolicy": (238, 237),
    "mbind": (237, 235), "remap_file_pages": (216, 234), "setxattr": (188, 5), "fchown": (93, 55), "chown": (92, -1),
    "fchownat": (260, 54), "sync_file_range": (277, 84), "tee": (276, 77), "sync": (162, 81),
}  # fmt: skip
ALSO_SEALED = (
    *(
        "unshare",
        "setns",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "keyctl",
    ),
    *(
        "add_key",
        "request_key",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "splice",
        "vmsplice",
        "shmget",
    ),
    *("mq_open", "semget", "msgget", "inotify_init1", "fanotify_init", "open_by_handle_at", "name_to_handle_at", "tee"),
    *("mbind", "set_mempolicy", "migrate_pages", "move_pages", "sched_setscheduler", "sched_setparam", "sched_setattr"),
    *("ioprio_set", "process_mrelease", "io_setup", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"),
)
"""What the worker's own filter denies as well, for runtimes that know no profile of the container."""
ALL_NUMBERS = {**PROFILE_NUMBERS, **WORKER_NUMBERS, **OTHER_NUMBERS}

PRELUDE = (
    f"""
import ctypes, errno, os, signal, socket, sys, time
LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = 0 if os.uname().machine == 'x86_64' else 1
NUMBERS = {ALL_NUMBERS!r}
PROFILE, SEALED = {sorted(PROFILE_NUMBERS)!r}, {sorted({*WORKER_NUMBERS, *ALSO_SEALED})!r}
"""
    + r'''
def named(error):
    kind = type(error).__name__
    return errno.errorcode.get(error.errno, kind) if isinstance(error, OSError) else kind

def attempt(function, *arguments, **more):
    """What came of it: the name of the error, or ``passed`` with the value."""
    try:
        value = function(*arguments, **more)
    except Exception as error:
        return named(error)
    return f'passed {value!r}'[:300]

def call(name, *arguments):
    """A system call by its name."""
    number = NUMBERS[name][MACHINE] if isinstance(name, str) else name
    ctypes.set_errno(0)
    given = [a if isinstance(a, (bytes, ctypes._SimpleCData, ctypes.Array)) else ctypes.c_long(a) for a in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *given)
    return f'passed {result}' if result >= 0 else errno.errorcode[ctypes.get_errno()]

def read(path, size=200):
    with open(path, 'rb') as file:
        return file.read(size)

def write(path, data=b'x', mode='wb'):
    with open(path, mode, 0) as file:
        return file.write(data)

def fill(path):
    with open(path, 'wb', 0) as file:
        while True:
            file.write(b'x' * (1 << 22))

def descriptors():
    """The open descriptors of this process, with or without /proc."""
    found = []
    for number in range(256):
        try:
            found.append((number, os.fstat(number)))
        except OSError:
            pass
    return found

def status(key, otherwise):
    """A line of what the kernel tells of this process; ``otherwise`` where it does not."""
    lines = read('/proc/self/status', 100_000).decode().splitlines() if os.path.exists('/proc/self/status') else []
    return dict(line.split(':\t') for line in lines if ':\t' in line).get(key, otherwise)

def others():
    """Every other process of the container; without /proc, the numbers that they may have."""
    if os.path.isdir('/proc/1'):
        return [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]
    return [p for p in range(1, 12) if p != os.getpid()]

def in_child(function):
    """What ``attempt`` says in a forked child."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.write(send, attempt(function).encode())
        os._exit(0)
    os.close(send)
    os.waitpid(child, 0)
    said = os.read(receive, 1000).decode()
    os.close(receive)
    return said or 'died'

def channel():
    """The worker's connection to the supervisor, which an attacker has like everything else of the process."""
    import stat
    return next(socket.socket(fileno=os.dup(n)) for n, facts in descriptors() if stat.S_ISSOCK(facts.st_mode))

def memory():
    """The descriptor of the memory file that the worker's results go into; -1 where there is none."""
    import fcntl
    for number, _ in descriptors():
        try:
            fcntl.fcntl(number, 1034)  # F_GET_SEALS
            return number
        except OSError:
            pass
    return -1

def put(body):
    """Make ``body`` the bytes of the result, as the runner itself does."""
    file = memory()
    os.ftruncate(file, 0)
    while body:
        body = body[os.write(file, body):]

def frame(kind, payload, number=0, version=1, length=None):
    import json, struct
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return struct.pack('!4sBBHII', b'CSVA', version, kind, 0, number, len(data) if length is None else length) + data

def reply(**changes):
    given = {'status': 'ok', 'fault': None, 'columns': [], 'row_count': 0, 'total_rows': None, 'truncated': [],
             'bodies': [], 'stdout': '', 'stdout_truncated': False, 'timings': {}, 'report': {}, 'kept': []}
    return given | changes

def stream(table, **options):
    import io, pyarrow as pa
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return buffer.getvalue()

HELLO, TABLES, REQUEST, CANCEL, PROGRESS, BODY, REPLY = range(1, 8)
'''
)

AFTERMATH = r"""
import builtins, ctypes, json, os, re, resource, sys, threading

def left_in_scratch():
    found = []
    for place, directories, files in os.walk('/tmp'):
        for name in directories + files:
            path = os.path.join(place, name)
            if os.path.islink(path) or name in files or not re.fullmatch(r'/tmp/w\d+(/spill)?', path):
                found.append(path)
    return ' '.join(found)

lines = open('/proc/self/status').read().splitlines() if os.path.exists('/proc/self/status') else []
status = dict(line.split(':\t') for line in lines if ':\t' in line)
said = lambda key: status.get(key, '')  # gVisor tells less
{
    'sum': int(flights.distance.sum()),
    'rows': int(sql('SELECT count(*) AS n FROM flights').n[0]),
    'engine': str(sql('SELECT [1, 2], sum(delay) AS d FROM flights').values.tolist()),
    'sorted': str(sorted([3, 1, 2])) + str(len('abc')) + str(json.loads('[1]')),
    'planted': ' '.join(sorted(name for name in (*sys.modules, *vars(builtins), *os.environ) if 'planted' in name)),
    'processes': sum(name.isdigit() for name in os.listdir('/proc')),  # none where it is covered
    'scratch': left_in_scratch(),
    'free': os.statvfs('/tmp').f_files - os.statvfs('/tmp').f_ffree < 10 and os.statvfs('/tmp').f_bfree > 0,
    'queues': ' '.join(os.listdir('/dev/mqueue')) if os.path.isdir('/dev/mqueue') else '',
    'shared': os.listdir('/dev/shm').__repr__() if os.path.isdir('/dev/shm') else '',
    'priority': os.getpriority(os.PRIO_PROCESS, 0),
    'processors': str(sorted(os.sched_getaffinity(0))),
    'limits': str([resource.getrlimit(n) for n in range(16) if n != resource.RLIMIT_AS]),
    'growth': resource.getrlimit(resource.RLIMIT_AS)[0] < 0,  # where it is limited: from what a worker starts with
    'threads': threading.active_count(),
    'descriptors': str([oct(os.fstat(n).st_mode)[:-4] for n in (0, 1, 2)]),
    'seal': ' '.join(map(said, ('Uid', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters'))),
    'signals': said('SigBlk') + said('SigIgn'),
    'hidden': ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0,
    'umask': said('Umask'),
    'timer': open('/proc/self/timerslack_ns').read() if os.access('/proc/self/timerslack_ns', os.R_OK) else '',
    'path': str(sys.path),
}
"""
