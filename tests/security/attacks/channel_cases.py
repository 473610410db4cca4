# ruff: noqa: E501 - attacks are easier to read unbroken
"""Beyond the list: a worker that writes to its channel itself.  It may forge its own answer, but only into the
protocol's types and caps; it must not reach the next answer, the supervisor or the host.

The same against the host directly, without an honest supervisor between: ``tests/security/test_hostile_runner.py``.
"""

from __future__ import annotations

from csvanalyst_ext.protocol import MAX_PAYLOAD

from .case import AttackCase, Expect, all_fail, ends, gives
from .seen import Seen

CONTAINER, WORKER, HOST = ("container",), ("worker",), ("host",)
MISBEHAVED = ends("crashed", code={"worker_misbehaved", "worker_crashed"})
REFUSED = ends("lost", code={"bad_arrow", "runner_bad_body", "runner_bad_field", "runner_bad_json", "runner_too_large"})


def forged(
    name: str, sends: str, *, number: int = 130, expect: Expect | None = None, host: bool = False, timeout: float = 3.0
) -> AttackCase:
    """An attacker that sends frames instead of an answer, and waits.  ``host``: only the host can refuse it."""
    return AttackCase(
        number,
        name,
        "python",
        f"channel = channel()\n{sends}\ntime.sleep(600)",
        HOST if host else WORKER,
        expect or (REFUSED if host else MISBEHAVED),
        timeout=timeout,
        costs_sandbox=host,
    )


def forged_answer_stays_plain(seen: Seen) -> None:
    assert seen.status == "ok"
    assert seen.outcome is not None
    assert seen.outcome.table is not None
    assert seen.outcome.table.to_pydict() == {"sum(distance)": [42]}


MEMORY_FILE = [
    AttackCase(
        136, "the memory file of its results: sealed by itself", "python",
        "import fcntl\nattempt(fcntl.fcntl, memory(), 1033, 1)\n'x'", WORKER, ends("ok", "crashed", "error"),
    ),
    AttackCase(
        136, "the memory file of its results: mapped for writing by a child", "python",
        """
import mmap
file = memory()
if file >= 0:
    os.ftruncate(file, 4096)
    held = mmap.mmap(file, 4096)
    if os.fork() == 0:
        while True:
            held[:8] = b'planted!'
'x'
""",
        WORKER, ends("ok", "crashed", "error"),
    ),
    AttackCase(
        136, "the memory file of its results: longer, shorter, full", "python",
        """
file = memory()
tried = attempt(os.ftruncate, file, 1 << 40), attempt(os.posix_fallocate, file, 0, 1 << 40), attempt(os.ftruncate, file, 10)
'x'
""",
        WORKER, ends("ok", "crashed", "error", "memory"),
    ),
    AttackCase(
        136, "the memory file of its results: filled until it ends", "python",
        "block = bytes(1 << 20)\nfile = memory()\nwhile file >= 0: os.write(file, block)\n'x'",
        CONTAINER, ends("ok", "error", "memory", "crashed"),
    ),
]  # fmt: skip

CASES = [
    *MEMORY_FILE,
    AttackCase(
        131, "every descriptor gets answers to the questions to come", "python",
        """
frames = b''.join(frame(REPLY, reply(stdout='forged', row_count=0), n) for n in range(0, 200)) + frame(HELLO, {'protocol': 'x', 'versions': {}, 'seconds': 0})
for descriptor in range(3, 256):
    try:
        os.set_blocking(descriptor, False)
        os.write(descriptor, frames)
    except OSError:
        pass
time.sleep(600)
""",
        WORKER, ends("ok"),
    ),
    AttackCase(
        131, "standard output is not the host's stream", "python",
        "for n in range(200): os.write(1, frame(REPLY, reply(), n)); os.write(2, frame(REPLY, reply(), n))\n'done'",
        WORKER, gives([["done"]]),
    ),
    AttackCase(
        131, "a child that answers after its parent did", "python",
        """
channel = channel()
if os.fork() == 0:
    while True:
        channel.send(frame(REPLY, reply(stdout='forged')))
'honest'
""",
        WORKER, ends("ok"), rounds=3,
    ),
    AttackCase(
        132, "forge its own answer", "python",
        """
import pyarrow as pa
channel = channel()
body = stream(pa.table({'sum(distance)': [42]}))
put(body)
channel.sendall(frame(REPLY, reply(columns=[{'name': 'sum(distance)', 'type': 'BIGINT'}], row_count=1, total_rows=1,
    bodies=[{'kind': 'table', 'name': 'result', 'size': len(body)}])))
time.sleep(600)
""",
        HOST, forged_answer_stays_plain,
    ),
    forged("no magic", "channel.sendall(b'x' * 64)"),
    forged("another version", "channel.sendall(frame(REPLY, reply(), version=9))"),
    forged("an unknown kind", "channel.sendall(frame(77, b''))"),
    forged("a length of four gigabytes", "channel.sendall(frame(REPLY, b'', length=0xffffffff))"),
    forged("half a frame, then silence", "channel.sendall(frame(REPLY, reply())[:20])", expect=ends("timeout"), timeout=1.0),
    forged("the end of the stream", "channel.shutdown(2)"),
    forged("JSON that is none", "channel.sendall(frame(REPLY, b'{'))"),
    forged("JSON that is no object", "channel.sendall(frame(REPLY, b'[]'))"),
    forged("missing fields", "channel.sendall(frame(REPLY, {}))"),
    forged("unknown fields", "channel.sendall(frame(REPLY, reply(planted=1)))"),
    forged("an unknown status", "channel.sendall(frame(REPLY, reply(status='fine')))"),
    forged("an error without a fault", "channel.sendall(frame(REPLY, reply(status='error')))"),
    forged("not a number", "channel.sendall(frame(REPLY, reply(timings={'x': float('nan')})))"),
    forged("seconds without end", "import json\nchannel.sendall(frame(REPLY, json.dumps(reply(timings={'x': 1})).replace('\"x\": 1', '\"x\": 1e999').encode()))"),
    forged("an integer of 400 digits", "channel.sendall(frame(REPLY, reply(timings={'x': 10**400})))"),
    forged("an integer of 5,000 digits", "sys.set_int_max_str_digits(0)\nchannel.sendall(frame(REPLY, reply(row_count=10**5000)))"),
    forged("a negative number of rows", "channel.sendall(frame(REPLY, reply(row_count=-1)))"),
    forged("a report 300 deep", "x = {}\nfor _ in range(300): x = {'x': x}\nchannel.sendall(frame(REPLY, reply(report=x)))"),
    forged("JSON 100,000 deep", "channel.sendall(frame(REPLY, b'{\"a\":' * 100_000))"),
    forged("caps that are no caps", "x = []\nfor _ in range(300): x = [x]\nchannel.sendall(frame(REPLY, reply(truncated=[x])))"),
    forged("a surrogate in the report", "channel.sendall(frame(REPLY, b'{\"status\":\"\\\\ud800\"}'))"),
    forged("a million small parts", "import json\nx = json.dumps(reply(report={'x': 'HERE'})).replace('\"HERE\"', '[' + '[],' * 1_300_000 + '[]]')\nchannel.sendall(frame(REPLY, x.encode()))"),
    forged("an answer that grows beyond a frame", f"print('x' * 70_000)\nx = len(frame(REPLY, reply(report={{'x': ''}}))) - 16\nchannel.sendall(frame(REPLY, reply(report={{'x': 'y' * ({MAX_PAYLOAD} - x)}})))"),
    forged("a code that is no code", "channel.sendall(frame(REPLY, reply(status='error', fault={'code': '<script>', 'message': '', 'hint': '', 'details': {}})))"),
    forged("too many bodies", "channel.sendall(frame(REPLY, reply(bodies=[{'kind': 'table', 'name': '', 'size': 0}] * 33)))"),
    forged("an unknown body kind", "channel.sendall(frame(REPLY, reply(bodies=[{'kind': 'text/html', 'name': '', 'size': 0}])))"),
    forged("kinds that only others send", "for kind in (HELLO, TABLES, REQUEST, CANCEL): channel.sendall(frame(kind, {}))\nchannel.sendall(frame(REPLY, reply()))", expect=ends("ok")),
    forged("progress without end", "x = frame(PROGRESS, {'rows': 1, 'bytes': 1}) * 1000\nwhile True: channel.sendall(x)", number=133, expect=ends("timeout"), timeout=1.5),
    forged("progress of four megabytes", "x = frame(PROGRESS, b'{\"rows\":1,\"bytes\":1,\"x\":[' + b'[],' * 1_300_000 + b'[]]}')\nwhile True: channel.sendall(x)", number=133, expect=ends("timeout"), timeout=1.5),
    forged("empty bodies without end", "x = frame(BODY, b'\\0') * 1000\nwhile True: channel.sendall(x)", number=133, expect=ends("timeout"), timeout=1.5),
    forged("tiny bodies between progress, without end", "x = (frame(BODY, b'\\0x') + frame(PROGRESS, {'rows': 1, 'bytes': 1})) * 1000\nwhile True: channel.sendall(x)", number=133, expect=ends("timeout"), timeout=1.5),
    AttackCase(
        133, "bodies without end", "python", "channel = channel()\nx = frame(BODY, b'\\0' + b'x' * 1_000_000)\nwhile True: channel.sendall(x)",
        HOST, ends("timeout", "lost"), timeout=1.5, costs_sandbox=True,
    ),
    AttackCase(
        133, "descriptors sent along to the supervisor", "python",
        """
import array
channel = channel()
pairs = [socket.socketpair() for _ in range(20)]
held = array.array('i', [end.fileno() for pair in pairs for end in pair])
{'sent': attempt(channel.sendmsg, [frame(PROGRESS, {'rows': 1, 'bytes': 1})], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, held)])}
""",
        WORKER, all_fail("EPERM"),
    ),
    forged("progress without numbers", "channel.sendall(frame(PROGRESS, {'rows': 'x', 'bytes': True}))", number=134, host=True),
    forged("bodies out of order", "channel.sendall(frame(BODY, b'\\5x'))", number=134, host=True),
    forged("a body that was not sent", "channel.sendall(frame(REPLY, reply(bodies=[{'kind': 'table', 'name': '', 'size': 9}])))", number=134),
    forged("a body of another size", "put(b'xyz')\nchannel.sendall(frame(REPLY, reply(bodies=[{'kind': 'table', 'name': '', 'size': 9}])))", number=134),
    forged("a body that goes ahead of its answer", "channel.sendall(frame(BODY, b'\\0xyz') + frame(REPLY, reply()))", number=134, host=True),
    forged("rows that are not there", "channel.sendall(frame(REPLY, reply(row_count=10**12)))", number=134, host=True),
    forged("columns without a table", "channel.sendall(frame(REPLY, reply(columns=[{'name': 'x', 'type': 'y'}] * 50_000)))", number=134, host=True),
    forged("a picture that is none", "put(b'<svg onload=x>')\nchannel.sendall(frame(REPLY, reply(bodies=[{'kind': 'image/png', 'name': '', 'size': 14}])))", number=134, host=True),
    *(
        forged(
            name,
            f"import pyarrow as pa\n{make}\nput(body)\nchannel.sendall(frame(REPLY, reply(columns=[{{'name': n, 'type': ''}} for n in table.column_names], "
            "row_count=table.num_rows, bodies=[{'kind': 'table', 'name': '', 'size': len(body)}])))",
            number=135, host=True,
        )
        for name, make in {
            "compressed Arrow": "table = pa.table({'x': [0] * 100_000}); body = stream(table, compression='zstd')",
            "a dictionary type": "table = pa.table({'x': pa.array(['a']).dictionary_encode()}); body = stream(table)",
            "an extension type": "table = pa.table({'x': pa.array([b'0123456789abcdef'], pa.uuid())}); body = stream(table)",
            "text that is no text": "table = pa.table({'x': pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bytes(4) + b'\\2\\0\\0\\0'), pa.py_buffer(b'\\xff\\xfe')])}); body = stream(table)",
            "more rows than allowed": "table = pa.table({'x': pa.nulls(200_000)}); body = stream(table)",
            "more columns than allowed": "table = pa.table({f'c{i}': [1] for i in range(2001)}); body = stream(table)",
            "names that repeat": "table = pa.Table.from_arrays([pa.array([1])] * 2, ['a', 'a']); body = stream(table)",
            "half a stream": "table = pa.table({'x': list(range(100))}); body = stream(table)[:-200]",
            "no Arrow at all": "table = pa.table({'x': [1]}); body = b'PAR1' * 100",
        }.items()
    ),
]  # fmt: skip
