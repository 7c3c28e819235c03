"""A sequence-to-sequence model of transformers (BART, T5 and their kin) as a title model.

Log-probabilities are shares of the whole vocabulary, not renormalised over what the tree allows, as in GENRE
(De Cao et al. 2021) and CorpusBrain (Chen et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.retrieval.corpusbrain.model.base import Tokens
from skerry.retrieval.corpusbrain.model.kind import is_seq2seq
from skerry.retrieval.seal import language_model
from skerry.retrieval.seal.language_model import base


@dataclass(frozen=True, slots=True)
class Seq2SeqState:
    """Hypotheses: row i is row `rows[i]` of the language model's state; int64 of shape (rows,)."""

    read: base.State
    rows: NDArray[np.int64]


class Seq2SeqTitleModel:
    """See `TitleModel`. A title ends with the model's end-of-text token; a second one in a row is the stop.

    The encoder reads a query once, and its hypotheses share the keys and values of what they have in common
    (`skerry.retrieval.seal.language_model`). Safe to call from several threads.

    Args:
        model: the folder.
        dtype: "bf16", "fp32", or "auto": bf16 where the processor multiplies it natively.
        threads: how many a call uses; by default what torch is set to in the calling thread.

    Raises:
        InvalidInput: no sequence-to-sequence model, or one that tells its decoder positions in another way
            than BART and T5.
        IndexCorrupt: damaged files.
    """

    normalises = False

    def __init__(self, model: Model, dtype: str = "auto", threads: int | None = None) -> None:
        if not is_seq2seq(model.folder):
            raise InvalidInput(
                f"The model {model.name} in {model.folder} is no sequence-to-sequence language model.",
                hint="CorpusBrain needs one such as BART or T5.",
                details={"model": model.name, "path": str(model.folder)},
            )
        self._language_model = language_model.load(model, dtype=dtype, threads=threads)
        self._vocabulary = self._language_model.vocabulary
        self.end = self.stop = self._vocabulary.title_end
        self.room = self._language_model.context

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """See `TitleModel.encode_titles`."""
        return [self._vocabulary.encode(title) for title in titles]

    def read(self, queries: Sequence[str]) -> base.State:
        """See `TitleModel.read`."""
        try:
            prompts = [self._vocabulary.encode(query)[: self._language_model.context] for query in queries]
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A query cannot be encoded: {error}.", hint="Pass valid Unicode.") from error
        return self._language_model.start(prompts)

    def begin(self, memory: base.State, queries: NDArray[np.int64]) -> Seq2SeqState:
        """See `TitleModel.begin`."""
        return Seq2SeqState(memory, queries)

    def advance(
        self, state: Seq2SeqState, rows: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> Seq2SeqState:
        """See `TitleModel.advance`."""
        read = self._language_model.next_log_probs(state.read, state.rows[rows], tokens)
        return Seq2SeqState(read, np.arange(len(rows)))

    def log_probs(self, state: Seq2SeqState, allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """See `TitleModel.log_probs`."""
        of_rows = state.read.log_probs
        return [of_rows[row, tokens] for row, tokens in zip(state.rows.tolist(), allowed, strict=True)]
