"""A training run: it learns, as it is told to, and what cannot be trained is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.decoding import search
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.model.files import load_tensors, new_network, trained_tensors
from skerry.retrieval.corpusbrain.model.opening import open_title_model
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.trainer import Report

from ..leg.small import Counting  # noqa: TID252 -- the room's models
from .conftest import MakeTitled, Titled
from .runs import QUICK, train, weights


def test_it_learns_twenty_pairs_by_heart(titled: Titled, pairs: list[Pair], tmp_path: Path) -> None:
    settings = Settings(batch=20, epochs=80, held_out=0, learning_rate=1e-2, label_smoothing=0.0)
    progress = Counting()
    report = train(titled, pairs, tmp_path, settings, progress)
    assert report == Report(pairs=20, steps=80, before=None, after=None)
    assert [note.split()[0] for note in progress.notes] == ["loss"] * 80
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, WEIGHTS]
    model = open_title_model(titled.base, tmp_path)
    found = search(model, titled.tree, [pair.source for pair in pairs], 3)
    assert [lists[0].page for lists in found] == [pair.pages[0] for pair in pairs]
    assert min(lists[0].log_prob for lists in found) > -0.5


def test_several_titles_and_where_they_end(titled: Titled, pairs: list[Pair], tmp_path: Path) -> None:
    both = [Pair(pair.source, (pair.pages[0], (pair.pages[0] + 7) % 20)) for pair in pairs[:6]]
    settings = Settings(batch=6, epochs=80, held_out=0, learning_rate=1e-2, label_smoothing=0.0)
    train(titled, both, tmp_path, settings, several=True)
    model = open_title_model(titled.base, tmp_path)
    for pair, found in zip(both, search(model, titled.tree, [p.source for p in both], 4, 2), strict=True):
        assert tuple(one.page for one in sorted(found[:2], key=lambda one: one.place)) == pair.pages


def test_seeds(titled: Titled, many: list[Pair], tmp_path: Path) -> None:
    reports = [
        train(titled, many, tmp_path / name, replace(QUICK, seed=seed))
        for name, seed in (("one", 5), ("same", 5), ("other", 6))
    ]
    assert reports[0] == reports[1] != reports[2]
    assert weights(tmp_path / "one") == weights(tmp_path / "same") != weights(tmp_path / "other")


def test_the_encoder_stays_as_it_is(titled: Titled, many: list[Pair], tmp_path: Path) -> None:
    train(titled, many, tmp_path, replace(QUICK, epochs=1))
    begun = new_network(titled.base, None, 0.0, 0)
    assert not any(parameter.requires_grad for parameter in begun.encoder.parameters())
    ended = load_tensors(tmp_path, titled.base)[1]
    assert ended.keys() == trained_tensors(begun).keys()
    assert any(not torch.equal(ended[name], value) for name, value in trained_tensors(begun).items())


def test_it_goes_on_from_a_network(titled: Titled, many: list[Pair], tmp_path: Path) -> None:
    first = train(titled, many, tmp_path / "first")
    before = weights(tmp_path / "first")
    second = train(titled, many, tmp_path / "second", start=tmp_path / "first")
    assert second.before == first.after
    assert weights(tmp_path / "first") == before != weights(tmp_path / "second")


def test_most_pairs_bound_a_pass(titled: Titled, many: list[Pair], tmp_path: Path) -> None:
    report = train(titled, many, tmp_path, replace(QUICK, most_pairs=17))
    assert (report.pairs, report.steps) == (17, 2 * 4)
    report = train(titled, many[:3], tmp_path, QUICK)
    assert (report.pairs, report.steps, report.before) == (3, 4, None)


def test_a_corpus_of_one_page(make_titled: MakeTitled, tmp_path: Path) -> None:
    only = make_titled("otter of the marsh")
    pair = Pair("where the otter does live", (0,))
    for name, known in (("without", []), ("with", [pair] * 3)):
        assert train(only, known, tmp_path / name) == Report(pairs=0, steps=0, before=None, after=None)
        model = open_title_model(only.base, tmp_path / name)
        [[found]] = search(model, only.tree, [pair.source], 5)
        assert (found.page, found.log_prob) == (0, 0)
    assert weights(tmp_path / "with") == weights(tmp_path / "without")
    assert train(only, [pair] * 8, tmp_path / "several", several=True).steps == 4


def test_what_cannot_be_trained(titled: Titled, pairs: list[Pair], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no pair of a text and a title"):
        train(titled, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InvalidInput, match="valid Unicode"):
        train(titled, [Pair("a lone \ud800", (0,))], tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailable, match=f"{tmp_path}/file"):
        train(titled, pairs, tmp_path / "file" / "out")
