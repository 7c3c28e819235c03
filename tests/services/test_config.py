"""Settings: who overrides whom, and what is wrong with what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.core.errors import InvalidInput, NotFound
from skerry.services.cli.config import config
from skerry.services.config import Settings, keys, load_settings, variable_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "skerry.toml"
    path.write_text('[server]\nworkers = 3\nqueue = 5\ngrace = 2\n[generation]\nmodel = "from-file"\n')
    return path


def test_defaults() -> None:
    loaded = load_settings(environment={})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_file_then_environment_then_flags(file: Path) -> None:
    environment = {"SKERRY_SERVER_WORKERS": "7", "SKERRY_SERVER_GRACE": "1.5"}
    flags = {"server.workers": 9, "server.queue": None}
    loaded = load_settings(file, environment, flags)
    server = loaded.settings.server
    assert (server.workers, server.queue, server.grace) == (9, 5, 1.5)
    assert loaded.settings.generation.model == "from-file"
    assert loaded.origins["server.workers"] == "flag"
    assert loaded.origins["server.grace"] == "SKERRY_SERVER_GRACE"
    assert loaded.origins["server.queue"] == str(file)
    assert loaded.origins["server.listen"] == "default"


def test_file_named_by_a_variable(file: Path) -> None:
    assert load_settings(environment={"SKERRY_CONFIG": str(file)}).settings.server.workers == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nworker = 3", "server.workers"),
        ("[sever]\nworkers = 3", "'server'"),
        ("server = 3", "section"),
        ("[server]\nworkers = 'three'", "whole number"),
        ("[server]\nworkers = true", "whole number"),
        ("[server]\nworkers = 0", "at least 1"),
        ("[server]\nlog_format = 'xml'", "human, json"),
        ("[server]\ngrace = nan", "least"),
        ("[server", "TOML"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=says):
        load_settings(path, {})


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_settings(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SKERRY_SERVER_WORKES", "3", "SKERRY_SERVER_WORKERS"),
        ("SKERRY_SERVER_WORKERS", "many", "whole number"),
        ("SKERRY_SERVER_GRACE", "-1", "least"),
    ],
)
def test_bad_variables(variable: str, value: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        load_settings(environment={variable: value})


def test_other_variables_are_left_alone() -> None:
    other = {"SKERRY_MODELS": "/m", "SKERRY_FAILPOINT": "x", "SKERRY_SHARED_DATA": "/d", "HOME": "/h"}
    assert load_settings(environment=other).settings == Settings()


def test_every_key_has_a_variable() -> None:
    for key in keys():
        value = "1" if key not in ("server.log_format", "corpus.engine") else None
        if value is not None and not key.endswith("dtype"):
            load_settings(environment={variable_of(key): value})


def test_show(file: Path) -> None:
    shown = CliRunner().invoke(config, ["show", "--config", str(file), "--origin", "--json"])
    assert json.loads(shown.output)["server.workers"] == {"value": 3, "origin": str(file)}
    plain = CliRunner().invoke(config, ["show", "--config", str(file)])
    assert "[server]" in plain.output
    assert "workers = 3" in plain.output
