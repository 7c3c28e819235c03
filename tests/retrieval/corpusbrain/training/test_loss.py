"""The loss beside a slow one: every fork on its own, by a softmax over the whole vocabulary."""

from __future__ import annotations

import math

import pytest
import torch

from skerry.core.models.store import Model
from skerry.retrieval.corpusbrain.model.files import new_network
from skerry.retrieval.corpusbrain.model.network import TitleNetwork
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer
from skerry.retrieval.corpusbrain.training import loss as losses
from skerry.retrieval.corpusbrain.training.loss import title_loss
from skerry.retrieval.corpusbrain.training.targets import TargetMaker

from .conftest import MakeTitled, Titled

SOURCES = ("where is the otter", "heron", "the badger of the marsh is seen at the cliff of the meadow")
TITLES = ("otter", "otter of", "otter of the marsh", "heron", "heron of the cliff", "the", "the marsh")


@pytest.fixture(scope="module")
def network(base: Model) -> TitleNetwork:
    """Its weights are far enough apart for the forks to differ."""
    made = new_network(base, None, 0.0, seed=4).eval().float()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(9)
        for parameter in made.parameters():
            if parameter.requires_grad and parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape) * 2 / parameter.shape[-1] ** 0.5)
    return made


def slow(
    network: TitleNetwork,
    tokenizer: TitleTokenizer,
    titles: list[tuple[int, ...]],
    source: str,
    pages: tuple[int, ...],
    several: bool,
    smoothing: float,
) -> float:
    """Nats of one sequence."""
    ids, mask = (torch.from_numpy(array) for array in tokenizer.encode_queries([source]))
    memory = network.memory(network.read(ids, mask))
    ended = [(*title, tokenizer.end) for title in titles]
    said = [tokenizer.start]
    total = 0.0

    def nats(candidates: set[int], token: int, smoothing: float) -> float:
        states, _ = network.decode(torch.tensor([said]), memory, mask.new_ones(1, mask.shape[1] + 1))
        share = torch.softmax(network.scores_of_all(states[0, -1:], torch.arange(len(network.embedding))), 1)[
            0
        ]
        share = share.double() / share[sorted(candidates)].double().sum()
        smooth = sum(-math.log(share[one]) for one in candidates) / len(candidates)
        return (1 - smoothing) * -math.log(share[token]) + smoothing * smooth

    roots = {title[0] for title in ended} | ({tokenizer.stop} if several else set())
    for page in pages if several else pages[:1]:
        for place, token in enumerate(ended[page]):
            coming = {one[place] for one in ended if one[:place] == ended[page][:place]}
            total += nats(coming if place else roots, token, 0.0 if place else smoothing)
            said.append(token)
    return total + (nats(roots, tokenizer.stop, smoothing) if several else 0.0)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_sum_of_log_probabilities(
    network: TitleNetwork,
    make_titled: MakeTitled,
    monkeypatch: pytest.MonkeyPatch,
    wide: bool,
    several: bool,
    smoothing: float,
) -> None:
    if wide:
        monkeypatch.setattr(losses, "_WIDE", 1)
    titled = make_titled(*TITLES)
    tokenizer = TitleTokenizer.load(titled.base.folder)
    pages = [(0, 4), (2,), (6, 3, 5)]
    targets = TargetMaker(titled.names, titled.tree, tokenizer.start, several).make(pages)
    assert len(targets.rows)
    ids, mask = (torch.from_numpy(array) for array in tokenizer.encode_queries(SOURCES))
    with torch.inference_mode():
        got = title_loss(network, ids, mask, targets, root(titled, tokenizer, several), smoothing)
        titles = [tuple(titled.names[page].tolist()) for page in range(len(titled.names))]
        expected = sum(
            slow(network, tokenizer, titles, source, sequence, several, smoothing)
            for source, sequence in zip(SOURCES, pages, strict=True)
        )
    assert float(got) == pytest.approx(expected, rel=1e-4)


def root(titled: Titled, tokenizer: TitleTokenizer, several: bool) -> torch.Tensor:
    children = titled.tree.children(titled.tree.root).tolist()
    return torch.tensor([*children, tokenizer.stop] if several else children)


def test_wide_forks_have_the_same_gradient(
    network: TitleNetwork, make_titled: MakeTitled, monkeypatch: pytest.MonkeyPatch
) -> None:
    titled = make_titled(*TITLES)
    tokenizer = TitleTokenizer.load(titled.base.folder)
    targets = TargetMaker(titled.names, titled.tree, tokenizer.start, False).make([(0,), (2,), (6,)])
    ids, mask = (torch.from_numpy(array) for array in tokenizer.encode_queries(SOURCES))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    found = []
    for wide in (losses._WIDE, 1):
        monkeypatch.setattr(losses, "_WIDE", wide)
        loss = title_loss(network, ids, mask, targets, root(titled, tokenizer, False), 0.1)
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        found.append([gradient for gradient in gradients if gradient is not None])
    assert any(gradient.abs().max() > 1e-3 for gradient in found[0])
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-5)


def test_an_only_title_costs_nothing(network: TitleNetwork, make_titled: MakeTitled) -> None:
    titled = make_titled("otter of the marsh")
    tokenizer = TitleTokenizer.load(titled.base.folder)
    targets = TargetMaker(titled.names, titled.tree, tokenizer.start, False).make([(0,)] * len(SOURCES))
    ids, mask = (torch.from_numpy(array) for array in tokenizer.encode_queries(SOURCES))
    got = title_loss(network, ids, mask, targets, root(titled, tokenizer, False), 0.1)
    assert float(got) == 0
    assert not got.requires_grad
