"""Where attacks are tried: a warm sandbox, things on the host that must never be touched, and the
conditions that hold after every attack, whatever it was."""

from __future__ import annotations

import hashlib
import os
import resource
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.errors import SandboxError
from csvanalyst_ext.protocol import PythonRequest, Request, SqlRequest
from tests.support.providers import Provider
from tests.support.sandbox import FLIGHTS, Sandbox

from .case import AttackCase
from .layers import held_by
from .prelude import AFTERMATH, PRELUDE
from .seen import Seen

SMALL = Settings(memory=768 * MIB, scratch=128 * MIB)
RIGHT = 4849
"""The sum of the distances in the table that every sandbox here has."""
GRACE = 1.0
"""Seconds after its deadline by which a request must have ended in the sandbox."""
LATE = 4.0
"""Seconds after its deadline by which the host must have given up on a sandbox that does not answer."""
MOST_GROWTH = 450 * MIB
"""Of this process, over one attack: a whole result (256 MiB), its pictures (80 MiB), and some air."""
MOST_PROCESSES = 5
"""Supervisor, zygote, two ready workers, and one that is being forked or serves."""
PATIENCE = 5.0
"""Seconds for an attack that is to end by itself, and for the question after any."""
MOST_UNCHECKED = 10
"""Attacks that the gate or the engine refused, so that nothing of them ran, may share one look at what is left."""


class Canaries:
    """A file, a variable and two ports of the host.  Their secrets must never be seen, nor the ports reached."""

    def __init__(self, root: Path) -> None:
        self.secret = f"canary-{secrets.token_hex(12)}"
        self.file = root / "canary.txt"
        self.file.write_text(self.secret)
        self.other = root / "other-session"
        self.other.mkdir()
        (self.other / "theirs.csv").write_text(self.secret)
        self.variable = "OPENAI_API_KEY"
        self._before = os.environ.get(self.variable)
        os.environ[self.variable] = self.secret
        self._listeners = [_listening("127.0.0.1")]
        self.bridge = _bridge_address()
        if self.bridge:
            self._listeners.append(_listening(self.bridge))
        self.ports = [listener.getsockname()[1] for listener in self._listeners]

    def fill_in(self, text: str) -> str:
        places = {
            "@CANARY_FILE@": str(self.file),
            "@OTHER_SESSION@": str(self.other),
            "@BRIDGE@": self.bridge or "172.17.0.1",
            "@PORT@": str(self.ports[0]),
            "@BRIDGE_PORT@": str(self.ports[-1]),
        }
        for name, value in places.items():
            text = text.replace(name, value)
        return text

    def require_untouched(self) -> None:
        assert self.file.read_text() == self.secret
        assert [path.name for path in self.other.iterdir()] == ["theirs.csv"]
        for listener in self._listeners:
            try:
                listener.accept()
            except BlockingIOError:
                continue
            raise AssertionError("something connected to a port of the host")

    def require_unseen(self, seen: Seen) -> None:
        if seen.outcome is not None:
            outcome = seen.outcome
            shown = f"{outcome.fault} {outcome.stdout} {outcome.report}"
            if outcome.table is not None and outcome.table.nbytes < MIB:
                shown += str(outcome.table.to_pydict())
        else:
            shown = repr(seen.error and seen.error.to_json())
        assert self.secret not in shown

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        os.environ.pop(self.variable)
        if self._before is not None:
            os.environ[self.variable] = self._before


def _listening(address: str) -> socket.socket:
    listener = socket.socket()
    listener.bind((address, 0))
    listener.listen()
    listener.setblocking(False)
    return listener


def _bridge_address() -> str:
    """The engine's gateway, when it is an address of this machine."""
    try:
        probe = socket.socket()
        probe.bind(("172.17.0.1", 0))
        probe.close()
    except OSError:
        return ""
    return "172.17.0.1"


class Ground(Sandbox):
    """A sandbox that is attacked again and again, and must each time be as it was."""

    def __init__(self, root: Path, canaries: Canaries, provider: Provider) -> None:
        super().__init__(root, provider.configure(SMALL))
        self.canaries = canaries
        self.provider = provider
        self._unchecked = 0
        self.add_table("flights", FLIGHTS)
        self.warm()
        self._data = self._digest()
        self._as_new = self._aftermath()
        assert self._as_new["sum"] == RIGHT

    def warm(self) -> None:
        """Have a container, and what of its start has been put off done."""
        self.value("SELECT 1")
        self.python("import time; time.sleep(0.05); 1")

    def attack(self, case: AttackCase, *, gate: bool = True) -> list[Seen]:
        """Run the case; the conditions that no attack may break are checked before anything it says itself."""
        if not self.containers():
            self.warm()
        try:
            return self._attack(case, gate)
        except BaseException:
            self.do(self.executor.close())  # what it left must not fail the cases after it
            raise

    def _attack(self, case: AttackCase, gate: bool) -> list[Seen]:
        before = self.containers()
        may_cost = case.may_cost(self.provider.name)
        text = self.canaries.fill_in(case.text)
        slowness = self.provider.slowness
        timeout = case.timeout or PATIENCE * slowness
        limits = self.limits({"timeout": timeout, **case.limits})
        request: Request
        if case.kind == "sql":
            request = SqlRequest(text, None, gate, limits)
        else:
            request = PythonRequest(PRELUDE + text, None, limits)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        results = [self.try_to(request) for _ in range(case.rounds)]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - memory
        for seen in results:
            self.canaries.require_unseen(seen)
            if seen.outcome is not None:
                ran = seen.outcome.timings.get("sandbox", 0.0)
                assert ran <= timeout + GRACE * slowness, f"it ran on: {ran:.1f} s"
            else:
                assert may_cost, (seen.error, seen.error and seen.error.details)
                assert seen.seconds <= timeout + LATE * slowness, "the host waited on"
        assert grown <= MOST_GROWTH
        refused = all(held_by(seen, gate=gate, otherwise=("host",)) in (("gate",), ("engine",)) for seen in results)
        if refused and case.kind == "sql" and self._unchecked < MOST_UNCHECKED:
            self._unchecked += 1
        else:
            self.settle(may_cost)
        if not may_cost:
            assert self.containers() == before, "it cost the sandbox"
        return results

    def settle(self, may_cost: bool = False) -> None:
        """The next questions are answered, by a sandbox in which nothing is left of the attacks before."""
        self._unchecked = 0
        try:
            self.require_as_new()
        except SandboxError:
            if not may_cost:
                raise
            self.require_as_new()  # a typed error was the price, and the question after it is answered

    def try_to(self, request: Request) -> Seen:
        started = time.perf_counter()
        try:
            outcome, error = self.do(self.executor.run(request)), None
        except SandboxError as raised:
            outcome, error = None, raised
        return Seen(outcome, error, time.perf_counter() - started)

    def require_right(self) -> None:
        """The next question gets the right answer."""
        table = self.sql("SELECT sum(distance) FROM flights", timeout=PATIENCE).raise_for_status().table
        assert table is not None
        assert table.column(0)[0].as_py() == RIGHT

    def require_as_new(self) -> None:
        """The next questions get right answers from a sandbox in which nothing is left."""
        self.require_right()
        now = self._aftermath()
        changed = {name: (value, now[name]) for name, value in self._as_new.items() if now[name] != value}
        assert not changed, changed
        [container] = self.containers()
        if self.provider.name == "docker-runc":  # elsewhere the engine cannot see them; the fingerprint counted them
            processes = self.client.api.top(container, ps_args="-o pid,args")["Processes"]
            assert 2 <= len(processes) <= MOST_PROCESSES, processes
        self.canaries.require_untouched()
        assert self._digest() == self._data, "the data on the host changed"

    def _aftermath(self) -> dict[str, Any]:
        table = self.python(AFTERMATH).raise_for_status().table
        assert table is not None
        [facts] = table.to_pylist()
        assert facts.pop("processes") <= MOST_PROCESSES
        return dict(facts)

    def _digest(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.data)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in sorted(self.data.rglob("*"))
        }
