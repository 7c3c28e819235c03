"""What every model of the registry must do."""

from __future__ import annotations

import inspect
import random
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch.nn import functional

from skerry.core.errors import NotFound
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.features.batch import Fields
from skerry.ranking.neural.base import NeuralModel
from skerry.ranking.neural.registry import MODELS
from skerry.ranking.objectives.listwise_softmax import listwise_softmax

from ..words import WIDTH, featuriser, padded, request, text  # noqa: TID252 -- the room's own words

NAMES = tuple(MODELS)


def model_of(name: str, seed: int = 0) -> NeuralModel:
    torch.manual_seed(seed)
    return MODELS.load(name)(WIDTH, 8, 60).eval()


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> NeuralModel:
    return model_of(request.param)


def scores(model: NeuralModel, asked: RankRequest, batch_terms: int = 10**6) -> torch.Tensor:
    made = featuriser(model.fields)
    encoded = made.encode([asked])
    found = torch.empty(len(encoded.documents))
    with torch.no_grad():
        for rows, batch in made.batches(encoded, batch_terms):
            found[torch.from_numpy(rows)] = model(batch)
    return found


def test_all_of_the_survey_are_there() -> None:
    assert len(NAMES) == 15
    with pytest.raises(NotFound, match="match-pyramid"):
        MODELS.load("matchpyramid")


def test_one_finite_score_a_candidate(model: NeuralModel) -> None:
    found = scores(model, request(1, 20))
    assert found.shape == (20,)
    assert found.dtype == torch.float32
    assert torch.isfinite(found).all()
    assert float(found.std()) > 1e-4


@pytest.mark.parametrize(("query", "document"), [(0, 17), (3, 0), (3, 45)])
def test_padding_changes_nothing(model: NeuralModel, query: int, document: int) -> None:
    made = featuriser(model.fields)
    batch = made.batch(made.encode([request(2, 9)]))
    with torch.no_grad():
        found, more = model(batch), model(padded(batch, query, document))
    assert torch.allclose(found, more, atol=1e-5)


@pytest.mark.parametrize("batch_terms", [1, 100, 300])
def test_the_size_of_batches_changes_nothing(model: NeuralModel, batch_terms: int) -> None:
    asked = request(3, 15)
    assert torch.allclose(scores(model, asked), scores(model, asked, batch_terms), atol=1e-5)


def test_other_queries_in_the_batch_change_nothing(model: NeuralModel) -> None:
    made = featuriser(model.fields)
    asked = [request(4, 6, query=3), request(5, 4, query=8), request(6, 5, query=1)]
    with torch.no_grad():
        together = model(made.batch(made.encode(asked)))
    assert torch.allclose(together, torch.cat([scores(model, one) for one in asked]), atol=1e-5)


def test_the_order_of_candidates_changes_nothing(model: NeuralModel) -> None:
    asked = request(7, 12)
    backwards = replace(asked, candidates=asked.candidates[::-1])
    assert torch.allclose(scores(model, asked), scores(model, backwards).flip(0), atol=1e-5)


def test_equal_texts_have_equal_scores(model: NeuralModel) -> None:
    asked = request(8, 3)
    twice = replace(asked, candidates=asked.candidates * 2)
    found = scores(model, twice)
    assert torch.allclose(found[:3], found[3:], atol=1e-6)


def test_texts_that_say_little(model: NeuralModel) -> None:
    passages = ("", "...", "w1", "u1", "zyx", "w1 " * 30_000, "x" * 100_000)
    candidates = tuple(Candidate("", passage) for passage in passages)
    for query in ("", "?!", "zyx qqq", "w1", "w1 " * 500):
        found = scores(model, RankRequest(query, candidates))
        assert torch.isfinite(found).all()
    assert scores(model, RankRequest("w1", ())).shape == (0,)


def test_the_rest_of_a_long_text_is_not_read(model: NeuralModel) -> None:
    start = "w3 w4 " * 30
    pair = RankRequest("w3 w5", (Candidate("", start), Candidate("", start + "w5 " * 1000)))
    found = scores(model, pair)
    assert float(found[0]) == pytest.approx(float(found[1]), abs=1e-6)


def test_scores_have_both_signs_and_no_rectifier(model: NeuralModel) -> None:
    # The known mistake: a rectified score is 0 for half the candidates, and its gradient with it.
    generator = torch.Generator().manual_seed(4)
    last: list[torch.Tensor] = []
    for _ in range(12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        last.append(scores(model, request(9, 10)))
    whole = torch.cat(last)
    assert (whole < 0).any()
    assert (whole > 0).any()
    assert float((whole == 0).float().mean()) < 0.5


def test_it_declares_what_it_reads(model: NeuralModel) -> None:
    asks = model.fields
    assert (asks.query_terms, asks.document_terms) == (8, 60)
    made = featuriser(asks)
    batch = made.batch(made.encode([request(2, 5)]))
    # What it declares, it uses. Vectors would say the same as exact matches do, so they say nothing here.
    batch = replace(
        batch,
        query_vectors=torch.zeros_like(batch.query_vectors),
        document_vectors=torch.zeros_like(batch.document_vectors),
    )
    for name, names in (("exact", ("exact",)), ("idf", ("query_idf",))):
        if not getattr(asks, name):
            assert all(not getattr(batch, one).numel() for one in names)
            continue
        blank = replace(batch, **{one: torch.zeros_like(getattr(batch, one)) for one in names})
        with torch.no_grad():
            assert not torch.allclose(model(batch), model(blank), atol=1e-7)


def test_saved_and_loaded(model: NeuralModel) -> None:
    kept = from_bytes(to_bytes({name: value.contiguous() for name, value in model.state_dict().items()}))
    again = type(model)(WIDTH, 8, 60).eval()
    again.load_state_dict(kept)
    asked = request(10, 8)
    assert torch.equal(scores(model, asked), scores(again, asked))


def test_small_and_of_any_width(model: NeuralModel) -> None:
    wide = type(model)(50)
    assert sum(parameter.numel() for parameter in wide.parameters()) < 150_000
    assert wide.fields.query_terms == 16
    # Word vectors are frozen and lie elsewhere.
    assert all(max(parameter.shape, default=1) < 4000 for parameter in wide.parameters())


def test_every_weight_learns(model: NeuralModel) -> None:
    made = featuriser(model.fields)
    batch = made.batch(made.encode([request(seed, 10, query=7) for seed in range(8)]))
    model.train()
    loss = functional.mse_loss(model(batch), torch.randn(80, generator=torch.Generator().manual_seed(1)))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", NAMES)
def test_learns_twenty_pairs_by_heart(name: str) -> None:
    model = model_of(name, seed=1)
    made = featuriser(model.fields)
    # Ten queries of two candidates: the one that has the query's words comes second for half of them.
    asked = []
    for seed in range(10):
        one = request(seed, 2, longest=20)
        better = Candidate("", f"{one.candidates[0].text} {one.query}")
        asked.append(replace(one, candidates=(better, one.candidates[1])))
    batch = made.batch(made.encode(asked))
    optimizer = torch.optim.Adam(model.parameters(), lr=3 * model.learning_rate)
    model.train()
    for _ in range(400):
        loss = listwise_softmax(model(batch).view(10, 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if float(loss.detach()) < 0.05:
            break
    model.eval()
    with torch.no_grad():
        found = model(batch).view(10, 2)
    assert (found[:, 0] > found[:, 1]).all()
    assert float(listwise_softmax(found)) < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_constructors_are_alike(name: str) -> None:
    parameters = list(inspect.signature(MODELS.load(name)).parameters.values())
    assert [parameter.name for parameter in parameters[:3]] == ["width", "query_terms", "document_terms"]
    assert all(parameter.default is not parameter.empty for parameter in parameters[1:])
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[3:])


def test_no_python_loop_over_documents(model: NeuralModel) -> None:
    # The known mistake: histograms document by document. As many calls for many candidates as for few.
    made = featuriser(model.fields)
    counts = []
    for candidates in (3, 60):
        # A recurrent network takes as many steps as the longest text has words: all are of one length.
        texts = [text(random.Random(number), 40) for number in range(candidates)]
        batch = made.batch(made.encode([RankRequest("w1 w2", tuple(Candidate("", t) for t in texts))]))
        with torch.no_grad(), torch.profiler.profile() as seen:
            model(batch)
        counts.append(sum(1 for event in seen.events() if event.name.startswith("aten::")))
    assert counts[1] < 1.2 * counts[0]


def test_fields_say_what_is_asked_for() -> None:
    assert model_of("drmm").fields == Fields(8, 60, vectors=True, exact=True, idf=True)
    assert model_of("dssm").fields == Fields(8, 60, vectors=True, exact=False, idf=False)
