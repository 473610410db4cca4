"""The doctor's judgement of versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.execution.docker_doctor import examine, gvisor, version_numbers, weaknesses


@pytest.mark.parametrize(
    ("component", "version", "count"),
    [
        ("runc", "1.1.5+ds1", 2),
        ("runc", "1.1.12", 1),
        ("runc", "1.2.7", 1),
        ("runc", "1.2.8", 0),
        ("runc", "1.3.3", 0),
        ("runc", "1.4.0", 0),
        ("engine", "20.10.24+dfsg1", 1),
        ("engine", "25.0.6", 0),
        ("engine", "27.1.0", 1),
        ("engine", "28.2.2", 0),
        ("engine", "unknown", 0),
    ],
)
def test_known_weaknesses_go_by_release_line(component: str, version: str, count: int) -> None:
    assert len(weaknesses(component, version)) == count


def test_versions_are_read_up_to_their_last_number() -> None:
    assert version_numbers("v1.6.20~ds1") == (1, 6, 20)
    assert version_numbers("dev") == ()


def test_without_an_engine_the_doctor_still_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    findings = {finding.name: finding for finding in examine(Settings(home=tmp_path))}
    assert findings["docker engine"].level == "bad"
    assert findings["docker engine"].advice
    assert findings["memory"].level == "ok"


@pytest.mark.parametrize(
    ("runtimes", "chosen", "installed", "value", "level", "advice"),
    [
        (["runc", "runsc"], "runsc", "/usr/bin/runsc", "in use (runsc)", "ok", ""),
        (["runc", "runsc-kvm"], "runc", None, "available (runsc-kvm)", "note", "CSVANALYST_DOCKER_RUNTIME=runsc-kvm"),
        (["runc"], "runc", "/usr/bin/runsc", "/usr/bin/runsc, unknown to the engine", "note", "docs/howto/gvisor.md"),
        (["runc"], "runsc", None, "not installed", "note", "docs/howto/gvisor.md"),
    ],
)
def test_the_doctor_tells_whether_gvisor_can_be_had(
    runtimes: list[str], chosen: str, installed: str | None, value: str, level: str, advice: str
) -> None:
    finding = gvisor(runtimes, chosen, installed=installed)
    assert (finding.value, finding.level) == (value, level)
    assert advice in finding.advice
