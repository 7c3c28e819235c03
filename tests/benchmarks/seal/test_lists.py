"""The file of ranked lists: what is written comes back, whatever happened to the writer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skerry.benchmarks.seal.lists import Found, ListStore
from skerry.core.errors import AlreadyExists, InvalidInput
from skerry.retrieval.fusion import LegList

SETTINGS = {"index": "abc", "depth": 3}


def found(question: str, system: str = "seal", **lists: list[float]) -> Found:
    return Found(
        question,
        system,
        {
            name: LegList(np.arange(len(scores)), np.array(scores, np.float32))
            for name, scores in lists.items()
        },
    )


def content(store: ListStore) -> dict[tuple[str, str], dict[str, tuple[list[int], list[float]]]]:
    return {
        key: {name: (ranked.ordinals.tolist(), ranked.scores.tolist()) for name, ranked in lists.items()}
        for key, lists in store.found.items()
    }


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lists.jsonl"
    with ListStore.open(path, SETTINGS) as store:
        store.append([found("a", lm=[0.1, -3.5e-9], own=[]), found("b", "bm25", own=[7])])
        store.append([found("b", "bm25", own=[1.0 / 3])])
        whole = content(store)
    with ListStore.open(path, SETTINGS) as store:
        assert content(store) == whole
        assert store.found["b", "bm25"]["own"].scores.dtype == np.float32
        assert store.has("a", "seal", ["lm", "own"])
        assert not store.has("a", "seal", ["lm", "lm_fm"])
        assert not store.has("a", "bm25", [])


def test_half_a_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    with ListStore.open(path, SETTINGS) as store:
        store.append([found("a", lm=[1])])
        store.append([found("b", lm=[2])])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with ListStore.open(path, SETTINGS) as store:
            questions = [question for question, _ in store.found]
            assert questions == ["a", "b"][: max(0, whole[:size].count(b"\n") - 1)]
            store.append([found("b", lm=[2])])
        with ListStore.open(path, SETTINGS) as store:
            assert store.has("b", "seal", ["lm"])


def test_in_memory_only() -> None:
    with ListStore.open(None, SETTINGS) as store:
        store.append([found("a", lm=[1])])
    assert store.has("a", "seal", ["lm"])


def test_what_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    with (
        ListStore.open(path, SETTINGS),
        pytest.raises(AlreadyExists, match=r"lists\.jsonl"),
        ListStore.open(path, SETTINGS),
    ):
        pass
    with pytest.raises(InvalidInput, match="depth was 3, now 4"):
        ListStore.open(path, {**SETTINGS, "depth": 4})
    with path.open("ab") as file:
        file.write(b'{"question": "a"}\n')
    with pytest.raises(InvalidInput, match=":2: the line is no ranked list"):
        ListStore.open(path, SETTINGS)
    for other in (b"text\n", b"[]\n", json.dumps({"id": 1}).encode() + b"\n"):
        path.write_bytes(other)
        with pytest.raises(InvalidInput, match="no file of ranked lists"):
            ListStore.open(path, SETTINGS)
        assert path.read_bytes() == other
