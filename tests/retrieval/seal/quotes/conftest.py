"""A tokenizer trained on the spot, a real passage store, and an index that is a list of occurrences."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.kernels.fm_index import FmIndex
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.seal.quotes.finder import SealQuoteFinder
from skerry.retrieval.seal.vocabulary import Vocabulary

_TRAINING = [
    "Alan Stevenson built the lighthouse of Skerryvore, which was lit in 1844. The lamp -- well-known",
    "ALAN Alana alan an the lan lighthouses light house Stevensons Robert (Bell Rock) naïve café",
]

Ranges = NDArray[np.int64]


class ListIndex:
    """An FM-index without the cleverness: every n-gram that is asked for gets rows for its occurrences."""

    def __init__(self, passages: Sequence[Sequence[int]]) -> None:
        self._passages = [list(tokens) for tokens in passages]
        self.passages = len(passages)
        self._occurrences: list[tuple[int, int]] = []
        self._ngrams: dict[int, tuple[int, ...]] = {}
        self._ranges: dict[tuple[int, ...], tuple[int, int]] = {}

    def _range(self, ngram: tuple[int, ...]) -> tuple[int, int]:
        if ngram not in self._ranges:
            low = len(self._occurrences)
            # An empty n-gram stands before every token.
            self._occurrences += [
                (number, start)
                for number, tokens in enumerate(self._passages)
                for start in range(len(tokens) - len(ngram) + 1)
                if tuple(tokens[start : start + len(ngram)]) == ngram
            ]
            self._ranges[ngram] = (low, len(self._occurrences))
            if len(self._occurrences) > low:
                self._ngrams[low] = ngram
        return self._ranges[ngram]

    def everything(self) -> Ranges:
        return np.array([self._range(())], np.int64)

    def extend(self, ranges: Ranges, tokens: NDArray[np.uint32]) -> Ranges:
        rows = [
            self._range((*self._ngrams[low], token)) if high > low else (low, high)
            for (low, high), token in zip(ranges.tolist(), tokens.tolist(), strict=True)
        ]
        return np.array(rows, np.int64).reshape(-1, 2)

    def continuations(self, ranges: Ranges) -> tuple[NDArray[np.int64], NDArray[np.uint32], Ranges]:
        offsets, tokens, found = [0], [], []
        for low, high in ranges.tolist():
            ngram = self._ngrams[low] if high > low else ()
            places = [(p, start + len(ngram)) for p, start in self._occurrences[low:high]]
            following = sorted({self._passages[p][at] for p, at in places if at < len(self._passages[p])})
            tokens += following
            found += [self._range((*ngram, token)) for token in following]
            offsets.append(len(tokens))
        return np.array(offsets), np.array(tokens, np.uint32), np.array(found, np.int64).reshape(-1, 2)

    def locate(self, rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[Ranges, Ranges]:
        places = np.array([self._occurrences[row] for row in rows.tolist()], np.int64).reshape(-1, 2)
        return places[:, 0], places[:, 1]


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TRAINING * 20, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """Byte-level, with digits one by one, as SmolLM2's; dashes beyond ASCII are broken over tokens."""
    return Vocabulary(_tokenizer(), 0, "")


Made = tuple[SealQuoteFinder, PassageStore]


def _native(passages: Sequence[Sequence[int]], size: int) -> FmIndex:
    return FmIndex.build([token for tokens in passages for token in tokens], list(map(len, passages)), size)


@pytest.fixture(params=["list", "native"])
def make(
    request: pytest.FixtureRequest, vocabulary: Vocabulary, tmp_path: Path
) -> Callable[[Sequence[tuple[str, str]]], Made]:
    """A finder over passages given as (title, text), each a page of its own with the id p0, p1, ..."""
    made = 0

    def build(corpus: Sequence[tuple[str, str]]) -> Made:
        nonlocal made
        made += 1
        folder = tmp_path / str(made)
        folder.mkdir()
        with PassageWriter(folder) as writer:
            for number, (title, text) in enumerate(corpus):
                page = f"p{number}"
                span = Span(1, 0, 1, len(text))
                writer.append(Passage(number, f"{page}#0", page, title, "", text, span))
        tokens = vocabulary.passages(corpus)
        index = ListIndex(tokens) if request.param == "list" else _native(tokens, vocabulary.size)
        store = PassageStore.open(folder)
        return SealQuoteFinder(index, store, vocabulary), store

    return build


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real index of two pages with the legs bm25 and seal; the language model is a tokenizer only."""
    folder = tmp_path_factory.mktemp("quotes")
    model = folder / "model"
    model.mkdir()
    _tokenizer().save(str(model / "tokenizer.json"))
    (model / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    (model / "config.json").write_text("{}")
    save_file({"weight": np.zeros(1, np.float32)}, model / "model.safetensors")
    pages = {
        "Skerryvore": "Alan Stevenson built it. It was lit in 1844, and stands off Tiree.",
        "Bell Rock": "Robert Stevenson built the Bell Rock lighthouse; it was lit in 1811.",
    }
    lines = [json.dumps({"id": title.lower(), "title": title, "text": text}) for title, text in pages.items()]
    corpus = folder / "corpus.jsonl"
    corpus.write_text("\n".join(lines))
    spec = BuildSpec(corpus, "jsonl", ("bm25", "seal"), {"seal": {"model": str(model), "adapter": "none"}})
    store = ModelStore(folder / "store")
    build_index(spec, folder / "index", engine=SerialEngine(), models=store, progress=SilentProgress())
    return folder / "index"
