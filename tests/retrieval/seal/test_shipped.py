"""The adapter that comes with Skerry."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.index.leg import Workshop
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.leg import SealLeg

_TEXTS = (
    ("Lighthouse", "The first lamp of the tower was lit in 1811 by Robert Stevenson's men on the Bell Rock."),
    ("Otter", "The otter sleeps in its holt by day and hunts eels and crabs along the shore at night."),
    ("Barley", "Barley was the chief grain of the islands until the cattle trade grew in the last century."),
    ("Lighthouse", "Its keepers were paid by the Northern Lights and lived with their families in Arbroath."),
    ("Harbour", "The harbour was dredged twice, and a new pier of Norwegian timber was opened by the queen."),
)


def test_it_is_small_and_whole() -> None:
    assert (adapter.SHIPPED / adapter.WEIGHTS).stat().st_size <= 4_000_000
    config, factors = adapter.load(adapter.SHIPPED)
    assert config.base_model == "SmolLM2-135M-Instruct"
    assert {name.rsplit(".", 1)[1] for name in factors} == {"low_rank_a", "low_rank_b"}
    card = (adapter.SHIPPED / "README.md").read_text(encoding="utf-8")
    for told in ("## How it was made", "skerry train seal", "## Scores", "seed", "CC BY-SA", "Apache-2.0"):
        assert told in card


def test_it_fits_the_catalogues_model(models: ModelStore) -> None:
    config = adapter.load_config(adapter.SHIPPED)
    model = models.resolve(config.base_model)
    model.check_is(
        config.base_model, config.base_weights_hash, config.base_tokenizer_hash, made="The adapter", hint=""
    )


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    folder: Path = tmp_path_factory.mktemp("shipped") / "passages"
    with PassageWriter(folder) as writer:
        for n, (title, text) in enumerate(_TEXTS):
            writer.append(Passage(n, f"p{n}#0", f"p{n}", title, "", text, Span(1, 0, 1, len(text))))
    return PassageStore.open(folder)


@pytest.mark.parametrize(
    ("question", "ordinal"),
    [
        ("Who built the lighthouse on the Bell Rock?", 0),
        ("What does an otter eat?", 1),
        ("Which crop was grown on the islands?", 2),
        ("Where did the families of the keepers live?", 3),
        ("What was the pier made of?", 4),
    ],
)
def test_it_finds_passages_of_a_corpus_it_has_not_seen(
    question: str, ordinal: int, models: ModelStore, passages: PassageStore, tmp_path: Path
) -> None:
    leg = SealLeg()
    model = models.resolve("SmolLM2-135M-Instruct")
    leg.build_shard(passages, 0, len(passages), tmp_path / "shard", model, threads=1)
    leg.assemble(
        passages, [tmp_path / "shard"], tmp_path / "leg", model, Workshop(tmp_path, tmp_path / "work")
    )
    retriever = leg.open(tmp_path / "leg", passages, model)
    try:
        [found] = retriever.retrieve([question], 3, {"beams": 5}, Deadline())
    finally:
        retriever.close()
    assert found.ordinals[0] == ordinal
    assert found.evidence[0]
