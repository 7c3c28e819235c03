"""A query and a passage through one encoder, to one score: the network of the cross-encoder.

The score is a linear function of the [CLS] state and the mean of all states, side by side: the base model was
trained to be read by its mean, and the [CLS] state learns what the mean washes out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model

_WIDTH_STEP = 8
_BATCH_TOKENS = 4096
_QUERY_TOKENS = 64
_LEAST_TOKENS = 8


class PairNetwork(nn.Module):
    """Encoder and head.

    Args:
        encoder: a BERT-like model that takes input_ids, attention_mask, token_type_ids.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(2 * encoder.config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Scores, float32 of shape (batch,); the three inputs are int64 of shape (batch, width)."""
        states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1, dtype=torch.float32) / mask.sum(1, keepdim=True)
        scores: Tensor = self.head(torch.cat([states[:, 0].float(), mean], dim=1)).squeeze(1)
        return scores


def load_network(base: Model, dtype: torch.dtype, attention: str, max_tokens: int) -> PairNetwork:
    """The base encoder with a fresh head (float32). `attention` is transformers' "sdpa" or "eager".

    Raises:
        IndexCorrupt: a folder that cannot be loaded.
        InvalidInput: a model that cannot read pairs of `max_tokens` tokens.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        encoder = load_weights(AutoModel, base.folder, dtype=dtype, attn_implementation=attention)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _unusable(base, str(error)) from error
    segments = getattr(encoder.config, "type_vocab_size", 0)
    positions = getattr(encoder.config, "max_position_embeddings", 0)
    if segments < 2 or positions < max_tokens:
        raise InvalidInput(
            f"{base.name} cannot read a query and a passage of together {max_tokens} tokens: it has "
            f"{segments} kinds of segments and {positions} positions.",
            hint="Choose a BERT-like base model.",
            details={"model": base.name},
        )
    return PairNetwork(encoder)


class PairTokenizer:
    """Queries and passages to `[CLS] query [SEP] title. text [SEP]` with segment ids.

    Args:
        base: the model whose tokenizer is used.
        max_tokens: length of a pair at most; the query keeps its first 64 tokens, the passage gives way.

    Raises:
        IndexCorrupt: a folder without a readable tokenizer.json.
        InvalidInput: a tokenizer without [CLS] and [SEP], or pairs too short to hold a query.
    """

    def __init__(self, base: Model, max_tokens: int) -> None:
        if max_tokens < _LEAST_TOKENS:
            raise InvalidInput(
                f"A pair cannot have {max_tokens} tokens.", hint=f"Give at least {_LEAST_TOKENS}."
            )
        try:
            text = (base.folder / "tokenizer.json").read_text(encoding="utf-8")
            json.loads(text)
        except (OSError, ValueError) as error:
            raise _unusable(base, f"tokenizer.json: {error}") from error
        tokenizer = Tokenizer.from_str(text)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._cls = _special(tokenizer, "[CLS]", base)
        self._separator = _special(tokenizer, "[SEP]", base)
        self.max_tokens = max_tokens

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at most `max_tokens`, without special tokens.

        Raises:
            InvalidInput: a text that is no valid Unicode.
        """
        # A token has at least one character, and words of prose about five: far more is never read.
        cut = [text[: 16 * self.max_tokens] for text in texts]
        try:
            encodings = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error
        return [encoding.ids[: self.max_tokens] for encoding in encodings]

    def pair(self, query: list[int], passage: list[int]) -> tuple[list[int], int]:
        """The pair's ids, and where its second segment starts."""
        first = [self._cls, *query[: min(_QUERY_TOKENS, self.max_tokens - 3)], self._separator]
        room = self.max_tokens - len(first) - 1
        return [*first, *passage[:room], self._separator], len(first)


def _unusable(base: Model, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The model in {base.folder} cannot be loaded: {why}.",
        hint=f"Fetch it again with `skerry models pull {base.name}`.",
        details={"model": base.name, "path": str(base.folder)},
    )


def _special(tokenizer: Tokenizer, token: str, base: Model) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise InvalidInput(
            f"The tokenizer of {base.name} has no {token}.", hint="Choose a BERT-like base model."
        )
    return int(number)


def passage_text(title: str, text: str) -> str:
    """What the network reads of a passage."""
    return f"{title}. {text}" if title else text


def batches(
    pairs: Sequence[tuple[list[int], int]], batch_tokens: int = _BATCH_TOKENS
) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
    """Rows of like length together, longest first, each batch at most `batch_tokens` with its padding.

    Yields:
        Row numbers, and ids, mask and types, int64 of shape (rows, width).
    """
    order = sorted(range(len(pairs)), key=lambda row: -len(pairs[row][0]))
    start = 0
    while start < len(order):
        width = -(-len(pairs[order[start]][0]) // _WIDTH_STEP) * _WIDTH_STEP
        rows = order[start : start + max(1, batch_tokens // width)]
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for line, row in enumerate(rows):
            sequence, second = pairs[row]
            ids[line, : len(sequence)] = torch.tensor(sequence)
            mask[line, : len(sequence)] = 1
            types[line, second : len(sequence)] = 1
        yield rows, ids, mask, types
        start += len(rows)
