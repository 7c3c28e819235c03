"""The SEAL leg: all passages in a language model's tokens, in one FM-index file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.files import atomic_writer, naming_full_disk
from skerry.core.models.adapter_files import CHOICES
from skerry.core.models.store import Model
from skerry.kernels.fm_index import LOCATE_EVERY
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.options import choice_option, integer_option
from skerry.retrieval.seal.adapter import chosen_adapter

if TYPE_CHECKING:
    from skerry.retrieval.seal.retriever import SealRetriever
    from skerry.retrieval.seal.vocabulary import Vocabulary

INDEX_FILE = "tokens.fm"
_DTYPES = ("auto", "bf16", "fp32")
_TOKENS_FILE = "tokens.npy"
_LENGTHS_FILE = "lengths.npy"
_BATCH = 1024


class SealLeg:
    """Finds passages by the n-grams of the corpus that a language model would answer with.

    Bevilacqua et al. 2022, "Autoregressive Search Engines: Generating Substrings as Document Identifiers".
    The index depends on the model's tokenizer alone; weights and adapter speak at query time.

    Args:
        model: catalogue name or folder of the language model: causal or sequence to sequence.
        adapter: "shipped" puts the adapter that comes with Skerry on the model it was trained on (any other
            model is left as it is), "none" leaves every model as it is, anything else is a folder that
            `skerry train seal` left.
        locate_every: of every how many tokens the index stores where it stands, 1 to 256: fewer make the
            index larger and quicker.
        dtype: how the model computes: "bf16", "fp32", or "auto" (bf16 where the processor has it).

    Raises:
        InvalidInput: a value outside these.
    """

    name = "seal"

    def __init__(
        self,
        model: str = "SmolLM2-135M-Instruct",
        adapter: str = "shipped",
        locate_every: int = LOCATE_EVERY,
        dtype: str = "auto",
    ) -> None:
        if not isinstance(adapter, str) or not adapter:
            raise InvalidInput(
                f"seal.adapter must be shipped, none or a folder; got {adapter!r}.",
                details={"parameter": "adapter"},
            )
        self._model = model
        # The manifest keeps it, for whoever opens the index, wherever that is.
        self._adapter = adapter if adapter in CHOICES else str(Path(adapter).expanduser().absolute())
        self._locate_every = integer_option(
            self.name, {"locate_every": locate_every}, "locate_every", default=LOCATE_EVERY, low=1, high=256
        )
        self._dtype = choice_option(self.name, {"dtype": dtype}, "dtype", default="auto", choices=_DTYPES)

    def model(self) -> str | None:
        """The language model's name."""
        return self._model

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Leave the tokens of passages [start, stop), end to end, and their numbers of tokens.

        Raises:
            NotFound, IndexCorrupt: an adapter that is not there, is damaged, or belongs to another model.
        """
        model = _required(model)
        chosen_adapter(self._adapter, model)
        vocabulary = _vocabulary(model)
        kind = np.uint16 if vocabulary.size <= 1 << 16 else np.uint32
        parts: list[NDArray[np.uint16 | np.uint32]] = []
        lengths = np.empty(stop - start, np.uint32)
        for low in range(start, stop, _BATCH):
            high = min(low + _BATCH, stop)
            rows = vocabulary.passages((title, text) for title, _, text in passages.texts(low, high))
            lengths[low - start : high - start] = [len(row) for row in rows]
            parts.append(np.fromiter((token for row in rows for token in row), kind))
        out.mkdir(parents=True, exist_ok=True)
        tokens = np.concatenate(parts) if parts else np.empty(0, kind)
        for name, array in ((_TOKENS_FILE, tokens), (_LENGTHS_FILE, lengths)):
            with naming_full_disk(out), atomic_writer(out / name) as file:
                np.save(file, array)

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Index the shards' tokens, in order. For memory see `retrieval.seal.fm_index.build`."""
        from skerry.retrieval.seal import fm_index

        model = _required(model)
        out.mkdir(parents=True, exist_ok=True)
        lengths = _joined([shard / _LENGTHS_FILE for shard in shards], np.int64)
        tokens = _joined([shard / _TOKENS_FILE for shard in shards], np.uint32)
        with naming_full_disk(out), workshop.progress.task("seal", len(tokens), "tokens") as task:
            fm_index.build(
                out / INDEX_FILE, tokens, lengths, _vocabulary(model).size, locate_every=self._locate_every
            )
            task.advance(len(tokens))
        parameters: dict[str, Option] = {
            "model": self._model,
            "adapter": self._adapter,
            "locate_every": self._locate_every,
            "dtype": self._dtype,
        }
        digest = hashlib.sha256(lengths.astype("<i8", copy=False).tobytes())
        digest.update(tokens.astype("<u4", copy=False).data)
        digest.update(json.dumps(parameters, sort_keys=True).encode())
        return BuiltLeg(parameters, digest.hexdigest())

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> SealRetriever:
        """The retriever; the language model is loaded at the first query.

        Raises:
            IndexCorrupt: an index file that is missing, damaged or of other passages; an adapter that is
                damaged or belongs to another model.
            NotFound: an adapter that is not there.
        """
        from skerry.retrieval.seal import fm_index
        from skerry.retrieval.seal.retriever import SealRetriever

        model = _required(model)
        path = folder / INDEX_FILE
        index = fm_index.open(path)
        if index.passages != len(passages):
            raise IndexCorrupt(
                f"The SEAL index {path} has {index.passages} passages, the passage store {len(passages)}.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        adapter = chosen_adapter(self._adapter, model)
        return SealRetriever(index, passages, model, adapter, self._dtype)


def _joined(files: Sequence[Path], kind: type[np.int64] | type[np.uint32]) -> NDArray[np.int64 | np.uint32]:
    """The arrays in `files`, end to end, read one at a time."""
    arrays = [np.load(file, mmap_mode="r") for file in files]
    whole = np.empty(sum(map(len, arrays)), kind)
    start = 0
    for array in arrays:
        whole[start : start + len(array)] = array
        start += len(array)
    return whole


@lru_cache(maxsize=1)
def _vocabulary(model: Model) -> Vocabulary:
    """Kept for the next shard of the same build."""
    from skerry.retrieval.seal.vocabulary import Vocabulary

    return Vocabulary.load(model)


def _required(model: Model | None) -> Model:
    if model is None:
        raise IndexNotReady("The SEAL leg was called without its language model.")
    return model
