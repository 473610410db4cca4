"""What attacks in Python find ready, and what is looked at after each of them.  Runs inside the sandbox."""

from __future__ import annotations

from tests.sandbox.seccomp_probe import NUMBERS as PROFILE_NUMBERS

WORKER_NUMBERS = {  # x86_64, aarch64; the worker's own filter denies these
    "execve": (59, 221), "memfd_create": (319, 279), "setsid": (112, 157), "setpgid": (109, 154), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    "setpriority": (141, 140),
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
ALL_NUMBERS = {**PROFILE_NUMBERS, **WORKER_NUMBERS, **OTHER_NUMBERS}

PRELUDE = (
    f"""
import ctypes, errno, os, signal, socket, sys, time
LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = 0 if os.uname().machine == 'x86_64' else 1
NUMBERS = {ALL_NUMBERS!r}
PROFILE, SEALED = {sorted(PROFILE_NUMBERS)!r}, {sorted(WORKER_NUMBERS)!r}
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

def others():
    """Every other process of the container."""
    return [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]

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
    for name in os.listdir('/proc/self/fd'):
        try:
            if 'socket' in os.readlink('/proc/self/fd/' + name):
                return socket.socket(fileno=os.dup(int(name)))
        except FileNotFoundError:
            pass

def frame(kind, payload, number=0, version=1, length=None):
    import json, struct
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return struct.pack('!4sBBHII', b'CSVA', version, kind, 0, number, len(data) if length is None else length) + data

def reply(**changes):
    given = {'status': 'ok', 'fault': None, 'columns': [], 'row_count': 0, 'total_rows': None, 'truncated': [],
             'bodies': [], 'stdout': '', 'stdout_truncated': False, 'timings': {}, 'report': {}}
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

status = dict(line.split(':\t') for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
said = lambda key: status.get(key, '')  # gVisor tells less
{
    'sum': int(flights.distance.sum()),
    'rows': int(sql('SELECT count(*) AS n FROM flights').n[0]),
    'engine': str(sql('SELECT [1, 2], sum(delay) AS d FROM flights').values.tolist()),
    'sorted': str(sorted([3, 1, 2])) + str(len('abc')) + str(json.loads('[1]')),
    'planted': ' '.join(sorted(name for name in (*sys.modules, *vars(builtins), *os.environ) if 'planted' in name)),
    'processes': sum(name.isdigit() for name in os.listdir('/proc')),
    'scratch': left_in_scratch(),
    'free': os.statvfs('/tmp').f_files - os.statvfs('/tmp').f_ffree < 10 and os.statvfs('/tmp').f_bfree > 0,
    'queues': ' '.join(os.listdir('/dev/mqueue')) if os.path.isdir('/dev/mqueue') else '',
    'shared': os.path.exists('/dev/shm'),
    'priority': os.getpriority(os.PRIO_PROCESS, 0),
    'processors': str(sorted(os.sched_getaffinity(0))),
    'limits': str([resource.getrlimit(n) for n in range(16) if n != resource.RLIMIT_AS]),
    'growth': resource.getrlimit(resource.RLIMIT_AS)[0] < 0,  # where it is limited: from what a worker starts with
    'threads': threading.active_count(),
    'descriptors': sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in (0, 1, 2)).__repr__(),
    'seal': ' '.join(map(said, ('Uid', 'CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters'))),
    'signals': said('SigBlk') + said('SigIgn'),
    'hidden': ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0,
    'umask': said('Umask'),
    'timer': open('/proc/self/timerslack_ns').read() if os.access('/proc/self/timerslack_ns', os.R_OK) else '',
    'path': str(sys.path),
}
"""
