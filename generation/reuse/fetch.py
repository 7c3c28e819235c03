"""What is kept of a prompt's passages, and what has to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from skerry.core.deadline import Deadline
from skerry.generation.cache.passage_kv import PassageKV, PassageKVStore, StoreKey
from skerry.generation.prompting import Prompt
from skerry.generation.reuse.digests import passage_keys
from skerry.generation.reuse.passages import PassageReader


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage of a prompt.

    Attributes:
        tokens: its own.
        alone, chained: its names, as read alone behind the prefix and behind all that stands before it.
        kv: its keys and values; None where they are still to be computed.
        tier: which tier had them; "" where none had.
        exact: whether they are what a prefill of the whole prompt computes.
    """

    tokens: tuple[int, ...]
    alone: StoreKey
    chained: StoreKey
    kv: PassageKV | None = None
    tier: str = ""
    exact: bool = False


def fetch(
    store: PassageKVStore, model: str, prompt: Prompt, prefill: str, *, exact_only: bool = False
) -> tuple[Passage, ...]:
    """The prompt's passages with what the store has of them.

    The longest run of first passages that stood behind the same tokens before is exact; of the others what
    was read alone is looked for, unless `exact_only`.

    Args:
        model: `model_digest`.
        prefill: how the prompt is read.
    """
    alone, chained = passage_keys(model, prompt.prefix, prompt.passages, prefill)
    passages = [Passage(*names) for names in zip(prompt.passages, alone, chained, strict=True)]
    exact = 0
    for found in store.get_many(chained):
        if found is None or found.kv.tokens != len(passages[exact].tokens):
            break
        passages[exact] = replace(passages[exact], kv=found.kv, tier=found.tier, exact=True)
        exact += 1
    if not exact_only:
        for number, found in enumerate(store.get_many(alone[exact:]), exact):
            if found is not None and found.kv.tokens == len(passages[number].tokens):
                passages[number] = replace(passages[number], kv=found.kv, tier=found.tier)
    return tuple(passages)


def read_missing(
    reader: PassageReader, passages: Sequence[Passage], deadline: Deadline
) -> tuple[Passage, ...]:
    """The same passages, all with keys and values: those that had none are read alone.

    Raises:
        DeadlineExceeded, Cancelled: between passages and chunks.
    """
    return tuple(
        passage
        if passage.kv is not None
        else replace(
            passage, kv=reader.read(passage.tokens, deadline), exact=passage.alone == passage.chained
        )
        for passage in passages
    )
