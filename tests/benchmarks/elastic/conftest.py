"""A random encoder, an adapter for it, and two sets of questions over indexes that have the leg dense."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.chunking import Chunking
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

from ...retrieval.embedding.conftest import WORDS, small  # noqa: TID252 -- another room's model

__all__ = ["small"]

PAGES, PARAGRAPHS, QUESTIONS = 12, 4, 20


@dataclass(frozen=True)
class Made:
    """Paths of everything; indexes by the adapter that their leg dense has."""

    model: Path
    adapter: Path
    indexes: dict[str, Path]
    gold: Path
    pairs: Path
    beir: str


@pytest.fixture(scope="module")
def made(small: Callable[[str], Model], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Everything. Commands find no other models."""
    folder = tmp_path_factory.mktemp("elastic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKERRY_MODELS", str(folder / "models"))
        yield _make(folder, small("bert").folder)


def _make(folder: Path, encoder: Path) -> Made:
    rng = random.Random(5)
    texts = [[_words(rng, 9) for _ in range(PARAGRAPHS)] for _ in range(PAGES)]
    corpus, gold, pairs = (folder / f"{name}.jsonl" for name in ("corpus", "gold", "pairs"))
    _write(corpus, [_page(number, paragraphs) for number, paragraphs in enumerate(texts)])
    _write(gold, [_question(rng, number, texts) for number in range(QUESTIONS)])
    scored = [(_words(rng, 6), _words(rng, 6), rng.randrange(6)) for _ in range(30)]
    _write(pairs, [{"sentence1": one, "sentence2": two, "score": score} for one, two, score in scored])

    documents = [{"_id": f"d{number}", "title": "", "text": _words(rng, 8)} for number in range(30)]
    _write(folder / "documents.jsonl", documents)
    _write(folder / "queries.jsonl", [{"_id": f"q{n}", "text": _words(rng, 4)} for n in range(5)])
    lines = [f"q{number}\td{rng.randrange(30)}\t1" for number in range(5)]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]))

    adapter = _adapter(folder / "trained", encoder)
    indexes = {}
    for name in ("none", str(adapter)):
        indexes[name] = folder / f"index of {Path(name).name}"
        parameters = {"model": str(encoder), "dtype": "fp32", "layers": "2,4", "adapter": name}
        _build(BuildSpec(corpus, "kilt", ("dense",), {"dense": parameters}, Chunking(words=8)), indexes[name])
    _build(BuildSpec(folder / "documents.jsonl", "beir", ("bm25",)), folder / "documents")
    beir = f"{folder / 'documents'}:{folder / 'queries.jsonl'}:{folder / 'qrels.tsv'}"
    return Made(encoder, adapter, indexes, gold, pairs, beir)


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS.split(), k=count))


def _page(number: int, paragraphs: list[str]) -> dict[str, object]:
    title = f"page {number}"
    return {
        "_id": f"p{number}",
        "wikipedia_id": f"p{number}",
        "wikipedia_title": title,
        "text": [title, *paragraphs],
    }


def _question(rng: random.Random, number: int, texts: list[list[str]]) -> dict[str, object]:
    page, paragraph = rng.randrange(PAGES), rng.randrange(PARAGRAPHS)
    words = texts[page][paragraph].split()
    place = {
        "wikipedia_id": f"p{page}",
        "start_paragraph_id": paragraph + 1,
        "end_paragraph_id": paragraph + 1,
    }
    return {
        "id": f"q{number}",
        "input": " ".join(words[:5]),
        "output": [{"answer": "x", "provenance": [place]}],
    }


def _adapter(folder: Path, encoder: Path) -> Path:
    import torch
    from transformers import AutoModel

    from skerry.core.models import low_rank
    from skerry.retrieval.embedding import adapter as adapters

    network = AutoModel.from_pretrained(encoder)
    low_rank.attach(network, 2, 3)
    generator = torch.Generator().manual_seed(4)
    factors = {
        name: 0.3 * torch.randn(factor.shape, generator=generator)
        for name, factor in low_rank.state(network).items()
    }
    config = adapters.AdapterConfig.of(ModelStore().resolve(str(encoder)), factors, [(2, 16)])
    adapters.save(folder, config, factors)
    return folder


def _build(spec: BuildSpec, out: Path) -> None:
    build_index(spec, out, engine=SerialEngine(), models=ModelStore(), progress=SilentProgress())


def _write(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
