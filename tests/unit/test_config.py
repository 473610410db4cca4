"""Settings: defaults, Jupyter configuration, environment, and what does not fit."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from traitlets.config import Config

from csvanalyst_ext.config import _VARIABLES, MIB, Settings, default_home, resolve
from csvanalyst_ext.errors import UsageError


def test_with_nothing_set_everything_is_local_and_offline(tmp_path):
    settings = resolve(environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert (settings.provider, settings.model, settings.home) == ("docker", "offline/planner", tmp_path / "csvanalyst")
    assert settings.python_enabled


def test_the_environment_is_stronger_than_the_jupyter_configuration():
    config = Config({"CSVAnalyst": {"model": "from/config", "timeout": 5}})
    settings = resolve(config, {"CSVANALYST_MODEL": "from/environment"})
    assert (settings.model, settings.timeout) == ("from/environment", 5.0)


def test_sections_of_other_programs_are_none_of_ours():
    assert resolve(Config({"Other": {"nonsense": 1}}), {}).provider == "docker"


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("512m", 512 * MIB), ("2g", 2048 * MIB), ("1.5GiB", 1536 * MIB), ("64KB", 65536)]
)
def test_sizes_take_units(text, size):
    assert resolve(environment={"CSVANALYST_MEMORY": text}).memory == size


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON"])
def test_words_for_yes(text):
    assert resolve(environment={"ENABLE_PYTHON_EXECUTION": text}).python_enabled


@pytest.mark.parametrize("text", ["0", "false", "No", "off", ""])
def test_words_for_no(text):
    assert not resolve(environment={"ENABLE_PYTHON_EXECUTION": text}).python_enabled


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ENABLE_PYTHON_EXECUTION", "perhaps"),
        ("CSVANALYST_MEMORY", "lots"),
        ("CSVANALYST_MEMORY", "-1"),
        ("CSVANALYST_MEMORY", "inf"),
        ("CSVANALYST_MEMORY", "0"),
        ("CSVANALYST_TIMEOUT", "soon"),
        ("CSVANALYST_TIMEOUT", "nan"),
        ("CSVANALYST_TIMEOUT", "inf"),
        ("CSVANALYST_TIMEOUT", "-5"),
        ("CSVANALYST_HOME", "~no-such-user-here/x"),
    ],
)
def test_a_value_that_does_not_fit_is_a_usage_error_that_names_it(variable, text):
    with pytest.raises(UsageError) as caught:
        resolve(environment={variable: text})
    assert caught.value.code == "bad_setting"
    assert _VARIABLES[variable] in caught.value.message


def test_an_unknown_setting_in_the_configuration_is_a_usage_error():
    with pytest.raises(UsageError, match="modle"):
        resolve(Config({"CSVAnalyst": {"modle": "x"}}), {})


def test_paths_are_absolute_and_know_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert resolve(environment={"CSVANALYST_HOME": "~/analyst"}).home == Path("/home/someone/analyst")
    assert default_home({}).is_absolute()


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().model = "x"


def test_limits_take_the_settings_unless_something_else_is_asked_for():
    settings = Settings(max_rows=10, timeout=2.0)
    assert (settings.limits().max_rows, settings.limits().timeout) == (10, 2.0)
    assert (settings.limits(max_rows=3, timeout=None).max_rows, settings.limits(timeout=None).timeout) == (3, 2.0)


def test_the_reference_page_tells_every_setting_and_every_variable():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text()
    rows = [[cell.strip().strip("`") for cell in line.split("|")[1:4]] for line in page.splitlines() if "`" in line]
    told = {name: (variable, default) for name, variable, default in (row for row in rows if len(row) == 3)}
    variables = {name: variable for variable, name in _VARIABLES.items()}
    for field in fields(Settings):
        variable, default = told[field.name]
        assert variable == variables.get(field.name, "")
        if field.type in ("int", "float"):
            read = resolve(Config({"CSVAnalyst": {field.name: default}}), {})
            assert getattr(read, field.name) == field.default, field.name
