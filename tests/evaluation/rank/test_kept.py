"""What a comparison keeps: whole arrays, of one run, by one process."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from skerry.core.errors import AlreadyExists, BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.evaluation.rank.kept import Kept

RUN = {"index": "1", "legs": [("bm25", 100)]}


def test_keeps_and_gives_back(tmp_path: Path) -> None:
    with closing(Kept(tmp_path / "work", RUN)) as kept:
        assert kept.load("drmm/fold-0") is None
        kept.save("drmm/fold-0", {"scores": np.arange(3.0), "sizes": np.array([1, 2])})
    with closing(Kept(tmp_path / "work", RUN)) as kept:
        found = kept.load("drmm/fold-0")
        assert found is not None
        assert {name: values.tolist() for name, values in found.items()} == {
            "scores": [0.0, 1.0, 2.0],
            "sizes": [1, 2],
        }


def test_another_run(tmp_path: Path) -> None:
    with closing(Kept(tmp_path, RUN)) as kept:
        kept.save("first", {"a": np.zeros(1)})
        kept.save("deep/second", {"a": np.zeros(1)})
    other = RUN | {"index": "2"}
    with pytest.raises(InvalidInput, match="index was '1', now '2'"):
        Kept(tmp_path, other)
    with closing(Kept(tmp_path, RUN)) as kept:
        assert kept.load("first") is not None
    with closing(Kept(tmp_path, other, replace=True)) as kept:
        assert kept.load("first") is None and kept.load("deep/second") is None
        kept.save("first", {"a": np.ones(1)})
    with closing(Kept(tmp_path, other, replace=True)) as kept:
        assert kept.load("first") is not None
    with closing(Kept(tmp_path, other, restart=True)) as kept:
        assert kept.load("first") is None
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Kept(tmp_path, other)


def test_what_it_refuses(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    for options in ({}, {"restart": True}, {"replace": True}):
        with pytest.raises(InvalidInput, match="other things"):
            Kept(mine, RUN, **options)
    assert (mine / "thesis.txt").read_text() == "years of work"
    with closing(Kept(tmp_path / "work", RUN)) as kept:
        with pytest.raises(AlreadyExists):
            Kept(tmp_path / "work", RUN)
        kept.save("x", {"a": np.zeros(1)})
        (tmp_path / "work" / "x.npz").write_bytes(b"PK\x03\x04 nonsense")
        with pytest.raises(IndexCorrupt, match=r"x\.npz"):
            kept.load("x")
    with pytest.raises(BackendUnavailable):
        Kept(mine / "thesis.txt" / "below", RUN)
