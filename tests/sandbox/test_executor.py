"""The Docker executor alone; what every provider must do is in ``tests/parity``."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.sandbox import Sandbox


def test_the_container_is_made_as_specified(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    sandbox.do(sandbox.executor.start())
    made = sandbox.client.api.inspect_container(sandbox.containers()[0])
    host = made["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["ReadonlyRootfs"]) == ("none", "none", True)
    assert host["CapDrop"] == ["ALL"]
    assert host["Memory"] == host["MemorySwap"] == sandbox.settings.memory
    assert made["Config"]["User"] == "65532:65532"
    assert {m["Destination"]: m["RW"] for m in made["Mounts"]} == {"/data": False}
    environment = dict(line.split("=", 1) for line in made["Config"]["Env"])
    assert not {key for key in environment if any(word in key for word in ("KEY", "TOKEN", "PROXY", "proxy"))}
