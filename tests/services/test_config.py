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
        ("[generation.cash]\nmemory_bytes = 1", "generation.cash"),
        ("[generation.cache]\nmemory = 1", "generation.cache.memory_bytes"),
        ("[generation.cache]\nmemory_bytes = -1", "at least 0"),
        ("[generation.cache]\ndtype = 'fp4'", "same, int8"),
        ("[generation]\ncache = 3", "section"),
        ("[server]\ncache = {}", "server.cache"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=says):
        load_settings(path, {})


def test_a_section_within_a_section(tmp_path: Path) -> None:
    path = tmp_path / "nested.toml"
    path.write_text("[generation]\nthreads = 2\n[generation.cache]\nmemory_bytes = 5\nredis_ttl = 7\n")
    loaded = load_settings(
        path, {"SKERRY_GENERATION_CACHE_MEMORY_BYTES": "6"}, {"generation.cache.dtype": "int8"}
    )
    cache = loaded.settings.generation.cache
    assert (loaded.settings.generation.threads, cache.memory_bytes, cache.redis_ttl) == (2, 6, 7)
    assert cache.dtype == "int8" and cache.disk_bytes == Settings().generation.cache.disk_bytes
    assert loaded.origins["generation.cache.memory_bytes"] == "SKERRY_GENERATION_CACHE_MEMORY_BYTES"
    assert loaded.origins["generation.cache.redis_ttl"] == str(path)


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
        value = "1" if key not in ("server.log_format", "corpus.engine", "generation.reuse") else None
        if value is not None and not key.endswith("dtype"):
            load_settings(environment={variable_of(key): value})


def test_show(file: Path) -> None:
    shown = CliRunner().invoke(config, ["show", "--config", str(file), "--origin", "--json"])
    assert json.loads(shown.output)["server.workers"] == {"value": 3, "origin": str(file)}
    plain = CliRunner().invoke(config, ["show", "--config", str(file)])
    assert "[server]" in plain.output
    assert "workers = 3" in plain.output


def test_show_hides_the_password(tmp_path: Path) -> None:
    path = tmp_path / "redis.toml"
    path.write_text('[generation.cache]\nredis_url = "redis://me:secret@host:6379/0"\n')
    for arguments in (["show"], ["show", "--json"], ["show", "--origin"]):
        told = CliRunner().invoke(config, [*arguments, "--config", str(path)])
        assert told.exit_code == 0 and "redis://...@host:6379/0" in told.output
        assert "secret" not in told.output
    assert "[generation.cache]" in told.output
