"""Trained neural rankers behind the protocol, and their files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, IndexCorrupt, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore
from skerry.ranking import load_ranker
from skerry.ranking.base import RANKERS, Candidate, RankRequest
from skerry.ranking.features.idf import count_idf
from skerry.ranking.features.vectors import load_vectors
from skerry.ranking.interpolation import rank_prior
from skerry.ranking.neural import files
from skerry.ranking.neural.registry import MODELS

from ..tiny import ANIMALS, FOODS, PLACES, write_vectors  # noqa: TID252 -- the room's own pages
from ..tiny_rankers import NEURAL_WEIGHT, write_neural  # noqa: TID252 -- the room's own rankers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, vectors: Model) -> Path:
    """A folder with a folder for each ranker."""
    parent = tmp_path_factory.mktemp("rankers")
    for name in MODELS:
        write_neural(parent / name, name, vectors)
    return parent


def requests() -> list[RankRequest]:
    """Four requests of 0 to 9 candidates."""
    words = [*ANIMALS, *PLACES, *FOODS]
    return [
        RankRequest(
            f"what does the {ANIMALS[size]} eat?",
            tuple(
                Candidate(
                    ANIMALS[n], " ".join(words[(7 * n + k) % len(words)] for k in range(3 * n + 1)), -0.5 * n
                )
                for n in range(size)
            ),
        )
        for size in (0, 1, 4, 9)
    ]


def test_every_model_is_a_ranker() -> None:
    assert set(RANKERS) == {*MODELS, "cross-encoder"}


@pytest.mark.parametrize("name", tuple(MODELS))
def test_by_name(store: ModelStore, folder: Path, name: str) -> None:
    ranker = load_ranker(name, store, folder / name)
    assert ranker.name == name
    asked = requests()
    together = ranker.score(asked, Deadline())
    assert [len(scores.raw) for scores in together] == [0, 1, 4, 9]
    for request, scores in zip(asked, together, strict=True):
        assert scores.raw.dtype == scores.calibrated.dtype == np.float32
        [alone] = ranker.score([request], Deadline())
        np.testing.assert_allclose(scores.raw, alone.raw, atol=1e-5)
        np.testing.assert_allclose(scores.calibrated, 1 / (1 + np.exp(0.25 - 1.5 * scores.raw)), atol=1e-6)
        # The same request without a first stage: what is left is the model's own score.
        plain = tuple(replace(candidate, first_stage_score=0.0) for candidate in request.candidates)
        [own] = ranker.score([replace(request, candidates=plain)], Deadline())
        prior = rank_prior([candidate.first_stage_score for candidate in request.candidates])
        np.testing.assert_allclose(scores.raw - own.raw, NEURAL_WEIGHT * prior, atol=1e-5)
    again = load_ranker(name, store, folder / name)
    for one, two in zip(together, again.score(asked, Deadline()), strict=True):
        assert np.array_equal(one.raw, two.raw)


def test_nothing_to_rank(store: ModelStore, folder: Path) -> None:
    ranker = load_ranker("drmm", store, folder / "drmm")
    assert ranker.score([], Deadline()) == []
    [nothing] = ranker.score([RankRequest("what?", ())], Deadline())
    assert nothing.raw.shape == nothing.calibrated.shape == (0,)


def test_many_candidates_and_strange_ones(store: ModelStore, folder: Path) -> None:
    ranker = load_ranker("knrm", store, folder / "knrm")
    many = tuple(Candidate("", ANIMALS[n % 10]) for n in range(10_000))
    [scores] = ranker.score([RankRequest("where is the newt", many)], Deadline())
    np.testing.assert_allclose(scores.raw[:10], scores.raw[-10:], atol=1e-5)
    strange = (
        Candidate("", ""),
        Candidate("", "newt " * 20_000),
        Candidate("", "\x00"),
        Candidate("", "newt"),
    )
    for query in ("", "qqq zzz", "newt"):
        [scores] = ranker.score([RankRequest(query, strange)], Deadline())
        assert np.isfinite(scores.raw).all()
    with pytest.raises(InvalidInput, match="Unicode"):
        ranker.score([RankRequest("x", (Candidate("", "\ud800"),))], Deadline())


class GoesAway(Deadline):
    """The caller leaves at the check of number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.checks = at, 0

    def check(self, doing: str = "working") -> None:
        self.checks += 1
        if self.checks == self.at:
            self.cancel()
        super().check(doing)


def test_a_caller_who_leaves(store: ModelStore, folder: Path) -> None:
    ranker = load_ranker("knrm", store, folder / "knrm")
    request = RankRequest("where?", tuple(Candidate("", "newt " * 40) for _ in range(1000)))
    whole = GoesAway(at=0)
    ranker.score([request], whole)
    # Four times while 1,000 texts are read, and once a batch of 40 words times 409.
    assert whole.checks == 4 + 3
    for at, doing in ((2, "reading passages"), (6, "ranking passages")):
        with pytest.raises(Cancelled, match=doing):
            ranker.score([request], GoesAway(at))
    with pytest.raises(DeadlineExceeded):
        ranker.score(requests(), Deadline(0))


def test_options_are_kept(store: ModelStore, vectors: Model, tmp_path: Path) -> None:
    folder = write_neural(tmp_path / "pacrr", "pacrr", vectors, cascade=[0.5, 1.0], filters=4)
    config = files.load_config(folder, "pacrr")
    assert config.options == {"cascade": [0.5, 1.0], "filters": 4}
    [*_, scores] = load_ranker("pacrr", store, folder).score(requests(), Deadline())
    assert np.isfinite(scores.raw).all()


def test_idf_is_kept(folder: Path, vectors: Model) -> None:
    config = files.load_config(folder / "drmm", "drmm")
    loaded = load_vectors(vectors)
    _, idf = files.load(folder / "drmm", config, loaded)
    texts = [[number, 1 + number // 2] for number in range(1, loaded.known + 1)] * 3
    expected = count_idf(texts, loaded.known)
    assert torch.equal(idf.table, expected.table)
    assert len(set(idf.table.tolist())) > 3


def test_small_files(folder: Path) -> None:
    for name in ("drmm", "knrm", "pacrr", "duet", "tk"):
        assert (folder / name / files.WEIGHTS).stat().st_size < 300_000


def test_none_is_shipped_under_this_name(store: ModelStore) -> None:
    with pytest.raises(NotFound, match="skerry train ranker dssm"):
        load_ranker("dssm", store)


def test_a_ranker_of_another_name(store: ModelStore, folder: Path, ranker_folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"is 'knrm', not 'drmm'"):
        load_ranker("drmm", store, folder / "knrm")
    with pytest.raises(NotFound, match="config"):
        load_ranker("drmm", store, folder)
    with pytest.raises(IndexCorrupt, match="config"):
        load_ranker("drmm", store, ranker_folder)


def test_other_word_vectors(store: ModelStore, folder: Path, vectors: Model, tmp_path: Path) -> None:
    other = store.resolve(str(write_vectors(tmp_path / "other", seed=8)))
    shutil.copytree(folder / "knrm", tmp_path / "knrm")
    fields = json.loads((tmp_path / "knrm" / files.CONFIG).read_text())
    (tmp_path / "knrm" / files.CONFIG).write_text(json.dumps(fields | {"base_model": str(other.folder)}))
    with pytest.raises(IndexCorrupt) as caught:
        load_ranker("knrm", store, tmp_path / "knrm")
    for part in (vectors.weights_hash[:12], other.weights_hash[:12], str(other.folder)):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"query_terms": 0}, "query_terms"),
        ({"document_terms": "many"}, "document_terms"),
        ({"options": {"no_such": 1}}, "no_such"),
        ({"options": {"kernels": 5}}, "size mismatch|score"),
        ({"calibration": {"slope": 1}}, "intercept"),
        ({"format": 99}, "format"),
        ({"weights_sha256": "00"}, "checksum"),
    ],
)
def test_damaged_configurations(
    store: ModelStore, folder: Path, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    shutil.copytree(folder / "knrm", tmp_path / "knrm")
    fields = json.loads((tmp_path / "knrm" / files.CONFIG).read_text())
    (tmp_path / "knrm" / files.CONFIG).write_text(json.dumps(fields | changes))
    with pytest.raises(IndexCorrupt, match=told):
        load_ranker("knrm", store, tmp_path / "knrm")


def test_damaged_weights(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "drmm", tmp_path / "drmm")
    path = tmp_path / "drmm" / files.WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexCorrupt, match="checksum"):
        load_ranker("drmm", store, tmp_path / "drmm")
    path.unlink()
    with pytest.raises(IndexCorrupt, match="missing"):
        load_ranker("drmm", store, tmp_path / "drmm")
