"""The doctor: a whole installation passes, a missing or damaged part is named with its cure."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.core.models.store import ModelStore
from skerry.retrieval.embedding import adapter as embedding_adapter
from skerry.retrieval.index.leg import LEGS
from skerry.retrieval.seal import adapter as seal_adapter
from skerry.services.cli.doctor import doctor
from skerry.services.doctor import adapters, kernels, legs, machine, models, packages, programs


def test_without_models_it_fails_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_MODELS", str(tmp_path))
    done = CliRunner().invoke(doctor, ["--json"])
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    fixes = {row["name"]: row["fix"] for row in report["findings"] if row["state"] == "wrong"}
    assert fixes["all-MiniLM-L6-v2"] == "skerry models pull all-MiniLM-L6-v2"
    assert "glove-6b-50d" not in fixes


@pytest.mark.models
@pytest.mark.usefixtures("models")
def test_a_whole_installation_passes() -> None:
    done = CliRunner().invoke(doctor, [])
    assert done.exit_code == 0, done.output
    assert "has all that its default chain needs" in done.stderr
    assert "torch" in done.stdout and "instructions" in done.stdout


def test_a_damaged_model(tmp_path: Path) -> None:
    folder = tmp_path / "all-MiniLM-L6-v2"
    folder.mkdir()
    (folder / "skerry-model.json").write_text("{")
    found = {finding.name: finding for finding in models.check_models(ModelStore(tmp_path))}
    assert found["all-MiniLM-L6-v2"].state == "wrong"
    assert "skerry-model.json is damaged" in found["all-MiniLM-L6-v2"].found
    assert found["all-MiniLM-L6-v2"].fix.endswith("--force")


@pytest.mark.parametrize(
    ("adapter", "other", "base", "fields"),
    [
        (seal_adapter, embedding_adapter, "SmolLM2-135M-Instruct", {"rank": 1}),
        (embedding_adapter, seal_adapter, "all-MiniLM-L6-v2", {"ranks": {}, "pairs": []}),
    ],
)
def test_a_shipped_adapter_and_the_copy_of_its_model(
    adapter: Any,
    other: Any,
    base: str,
    fields: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped, store = tmp_path / "shipped", ModelStore(tmp_path / "models")
    monkeypatch.setattr(adapter, "SHIPPED", shipped)
    monkeypatch.setattr(other, "SHIPPED", tmp_path / "nothing")
    assert list(adapters.check_adapters(store)) == []
    shipped.mkdir()
    config = {"base_model": base, "weights_sha256": "", "format": 1, **fields}
    hashes = {"base_weights_hash": "w", "base_tokenizer_hash": "t"}
    (shipped / adapter.CONFIG).write_text(json.dumps(config | hashes))
    [found] = adapters.check_adapters(store)
    assert (found.state, found.fix) == ("absent", f"skerry models pull {base}")
    record = {"format": 1, "files": {}, "weights_hash": "w", "tokenizer_hash": "t"}
    (store.folder / base).mkdir(parents=True)
    for copy, fix in ((record, False), (record | {"weights_hash": "x"}, True)):
        (store.folder / base / "skerry-model.json").write_text(json.dumps(copy))
        [found] = adapters.check_adapters(store)
        assert (found.state, bool(found.fix)) == ("ok", fix)
    assert "another copy" in found.found and "--from registry" in found.fix
    (shipped / adapter.CONFIG).write_text("{")
    [found] = adapters.check_adapters(store)
    assert found.state == "wrong" and adapter.CONFIG in found.found


def test_each_leg_and_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ModelStore(tmp_path)
    found = {finding.name: finding for finding in legs.check_legs(store)}
    assert {name: finding.state for name, finding in found.items()} == {
        "leg bm25": "ok",
        "leg corpusbrain": "absent",
        "leg dense": "absent",
        "leg seal": "absent",
    }
    assert "skerry models pull all-MiniLM-L6-v2" in found["leg corpusbrain"].fix
    record = {"format": 1, "files": {}, "weights_hash": "w", "tokenizer_hash": "t"}
    (tmp_path / "all-MiniLM-L6-v2").mkdir()
    (tmp_path / "all-MiniLM-L6-v2" / "skerry-model.json").write_text(json.dumps(record))
    found = {finding.name: finding for finding in legs.check_legs(store)}
    assert found["leg corpusbrain"].found == "with all-MiniLM-L6-v2"
    monkeypatch.setitem(LEGS._entries, "seal", "skerry.nowhere:Leg")
    [wrong] = [finding for finding in legs.check_legs(store) if finding.state == "wrong"]
    assert wrong.name == "leg seal" and "skerry.nowhere" in wrong.found


def test_both_builds_of_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        return "1.0" if name in ("faiss-cpu", "faiss-gpu") else real(name)

    monkeypatch.setattr(packages, "version", version)
    found = {finding.name: finding for finding in packages.check_packages()}
    assert found["faiss"].state == "wrong"
    assert "overwrite each other" in found["faiss"].found


def test_java_that_does_not_exist_or_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "version_of", lambda name: "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java = next(iter(programs.check_programs()))
    assert java.state == "absent" and "does not exist" in java.found

    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "java"
    script.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    assert "does not run" in next(iter(programs.check_programs())).found
    script.chmod(0o755)
    assert "older than 21" in next(iter(programs.check_programs())).found
    script.write_text("#!/bin/sh\necho 'openjdk version \"25.0.1\"' >&2\n")
    assert next(iter(programs.check_programs())).state == "ok"


def test_machine_and_kernels() -> None:
    assert {finding.name for finding in machine.check_machine()} == {
        "interpreter",
        "processor",
        "instructions",
        "memory",
    }
    assert [finding.state for finding in kernels.check_kernels()] == ["ok"]
