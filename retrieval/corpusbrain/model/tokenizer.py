"""The small model's tokens: those of its encoder, three special ones of which frame sequences of titles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from skerry.core.errors import IndexCorrupt, InvalidInput

MAX_TOKENS = 256
"""Tokens of a query that are read."""


class TitleTokenizer:
    """An encoder's WordPiece tokenizer; special tokens written out in a text are plain text.

    Args:
        tokenizer: the encoder's own; its settings are changed here.

    Attributes:
        start: [CLS], what a sequence of titles begins with.
        end: [SEP], the token after every title.
        stop: [MASK], the token in the place of a further title.
        padding: [PAD].

    Raises:
        InvalidInput: a tokenizer without one of them.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        self._queries = tokenizer
        self._titles = Tokenizer.from_str(tokenizer.to_str())
        self._titles.encode_special_tokens = True
        self._titles.no_truncation()
        self.start, self.end = _special(tokenizer, "[CLS]"), _special(tokenizer, "[SEP]")
        self.stop, self.padding = _special(tokenizer, "[MASK]"), _special(tokenizer, "[PAD]")

    @classmethod
    def load(cls, folder: Path) -> TitleTokenizer:
        """The tokenizer of a transformers folder.

        Raises:
            InvalidInput: one without BERT's special tokens.
            IndexCorrupt: none, or a damaged one.
        """
        path = folder / "tokenizer.json"
        try:
            return cls(Tokenizer.from_buffer(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise IndexCorrupt(
                f"The tokenizer {path} cannot be loaded: {error}.",
                hint="Fetch the model again.",
                details={"path": str(path)},
            ) from error

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """See `TitleModel.encode_titles`."""
        return _encoded(self._titles, titles, special=False)

    def token_lists(self, queries: Sequence[str], longest: int = MAX_TOKENS) -> list[list[int]]:
        """Token ids of each query between [CLS] and [SEP], `longest` at most.

        Raises:
            InvalidInput: a text that is no valid Unicode.
        """
        encoded = _encoded(self._queries, queries, special=True)
        return [ids if len(ids) <= longest else [*ids[: longest - 1], self.end] for ids in encoded]

    def encode_queries(self, queries: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Token ids between [CLS] and [SEP], padded, int64 of shape (n, longest), and which are tokens, bool.

        Raises:
            InvalidInput: a text that is no valid Unicode.
        """
        encoded = self.token_lists(queries)
        lengths = np.array([len(ids) for ids in encoded])
        mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
        ids = np.full(mask.shape, self.padding, np.int64)
        ids[mask] = np.concatenate([np.zeros(0, np.int64), *(np.asarray(row, np.int64) for row in encoded)])
        return ids, mask


def _special(tokenizer: Tokenizer, token: str) -> int:
    number: int | None = tokenizer.token_to_id(token)
    if number is None:
        raise InvalidInput(
            f"The tokenizer has no {token}.",
            hint="The small title model needs an encoder of BERT's kind, such as all-MiniLM-L6-v2.",
        )
    return number


def _encoded(tokenizer: Tokenizer, texts: Sequence[str], special: bool) -> list[list[int]]:
    try:
        encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=special)
    except (UnicodeEncodeError, TypeError) as error:
        raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error
    return [list(encoding.ids) for encoding in encoded]
