"""A prompt that begins with kept keys and values: fetched, moved to their places, mended, read on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.core.deadline import Deadline
from skerry.core.timing import Timings
from skerry.generation.base import CacheReuse, Source
from skerry.generation.cache.passage_kv import PassageKV, PassageKVStore
from skerry.generation.model import LoadedModel, Run
from skerry.generation.prompting import Prompt
from skerry.generation.reuse.digests import DENSE, model_digest, passage_keys
from skerry.generation.reuse.fetch import Passage, fetch, read_missing
from skerry.generation.reuse.passages import PassageReader
from skerry.generation.reuse.recompute.base import Recompute, Spliced
from skerry.generation.reuse.recompute.full import AllRows
from skerry.generation.reuse.support import movable
from skerry.generation.selection.sentence_ends import sentence_ends

if TYPE_CHECKING:
    import torch


class PassageReuse:
    """Reads prompts of one model with what a store keeps of their passages.

    The first passage stands where it stood when it was read alone, behind the prefix: what is kept of it is
    exact, and so is what was read behind the same tokens before. The others are moved to their places, and a
    mode says which of their tokens are computed again.

    Attributes:
        obstacle: why the model's keys cannot be moved; empty where they can be, and else nothing can be read.
    """

    def __init__(self, loaded: LoadedModel, store: PassageKVStore) -> None:
        self._store = store
        self._loaded = loaded
        self._model = model_digest(loaded)
        self._rotation, self.obstacle = movable(loaded)
        self._reader = PassageReader(loaded)

    def read(
        self,
        prompt: Prompt,
        run: Run,
        recompute: Recompute,
        deadline: Deadline,
        timings: Timings,
        prefill: str = DENSE,
    ) -> SplicedPrompt:
        """Fill a fresh run with the prompt.

        What the store lacks is read alone first, so that the mode decides and not what happens to be stored;
        but nothing is read alone for a mode that computes all again.

        Args:
            run: whose attention is that of `prefill`.
            timings: gets "lookup", "passages" (those that the store lacks), "splice", and "prefill" (rows
                that are computed again, and the question).

        Raises:
            DeadlineExceeded, Cancelled: between passages and chunks.
        """
        exact_only = isinstance(recompute, AllRows)
        with timings.measure("lookup"):
            passages = fetch(self._store, self._model, prompt, prefill, exact_only=exact_only)
        if not exact_only:
            with timings.measure("passages"):
                passages = read_missing(self._reader, passages, deadline)
        with timings.measure("splice"):
            spliced = self._splice(prompt, run, passages)
        with timings.measure("prefill"):
            return SplicedPrompt(prompt, spliced, passages, recompute.rows(spliced), deadline)

    def prepare(self, passages: Sequence[Sequence[int]], deadline: Deadline) -> int:
        """Read passages alone that are not kept yet, and offer them to the store; how many there were.

        Raises:
            DeadlineExceeded, Cancelled: between passages; those before are kept.
        """
        read = 0
        names, _ = passage_keys(self._model, self._loaded.prompting.prefix, passages)
        for passage, name in zip(passages, names, strict=True):
            [found] = self._store.get_many([name])
            if found is None:
                self._store.put_many([(name, self._reader.read(passage, deadline))])
                read += 1
        return read

    def keep(self, read: SplicedPrompt) -> bool:
        """Offer the store what it lacked of a prompt: passages that were read alone, and, where the whole
        prompt was computed, each passage behind those before it.

        Returns:
            Whether it lacked anything.
        """
        values = [
            (passage.alone, passage.kv)
            for passage in read.passages
            if passage.kv is not None and not passage.tier
        ]
        if read.exact:
            for passage, start in zip(read.passages, read.spliced.starts, strict=True):
                if not passage.exact:
                    keys, rows = read.spliced.run.cache.take(start, start + len(passage.tokens))
                    ends = sentence_ends(self._loaded.tokenizer, passage.tokens)
                    values.append((passage.chained, PassageKV(keys.cpu(), rows.cpu(), start, ends)))
        if values:
            self._store.put_many(values)
        return bool(values)

    def _splice(self, prompt: Prompt, run: Run, passages: Sequence[Passage]) -> Spliced:
        assert self._rotation is not None
        run.cache.append(*run.loaded.prefix())
        at = exact = len(prompt.prefix)
        starts = []
        for passage in passages:
            starts.append(at)
            if passage.kv is not None:
                keys = self._rotation.turn(passage.kv.keys, at - passage.kv.start)
                run.cache.append(keys, passage.kv.values)
            if passage.exact:
                exact += len(passage.tokens)
            at += len(passage.tokens)
        return Spliced(run, prompt.tokens[:at], tuple(starts), exact)


class SplicedPrompt:
    """A prompt that has been read to its end.

    Args:
        spliced: holds the passages, but where all that is not exact is computed again.
        again: rows of it to compute again.

    Attributes:
        logits: of shape (vocabulary,), after the last token.
        exact: whether every row is what a prefill of the whole prompt computes.
    """

    def __init__(
        self,
        prompt: Prompt,
        spliced: Spliced,
        passages: Sequence[Passage],
        again: Sequence[int],
        deadline: Deadline,
    ) -> None:
        self._prompt = prompt
        self.spliced = spliced
        self.passages = tuple(passages)
        self._again = frozenset(again)
        self.exact = len(again) == len(spliced.tokens) - spliced.exact
        if self.exact:
            self.logits = self._read_on((), deadline)
        else:
            tokens = prompt.tokens
            rows = [*again, *range(len(spliced.tokens), len(tokens))]
            self.logits = spliced.run.rewrite([tokens[row] for row in rows], rows, deadline)

    def read_exactly(self, answered: Sequence[int], deadline: Deadline) -> torch.Tensor:
        """Compute all that is not exact again, and the answer so far; logits after its last token."""
        logits = self._read_on(answered, deadline)
        self.exact = True
        self._again = frozenset(range(self.spliced.exact, len(self.spliced.tokens)))
        return logits

    def _read_on(self, answered: Sequence[int], deadline: Deadline) -> torch.Tensor:
        run, exact = self.spliced.run, self.spliced.exact
        run.forget(exact)
        if exact < len(self.spliced.tokens):
            run.prefill(self.spliced.tokens[exact:], deadline)
        return run.prefill((*self._prompt.tail, *answered), deadline)

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that were not computed for this prompt, the prefix with them."""
        counts = zip(self.passages, self._computed_again(), strict=True)
        found = sum(len(passage.tokens) - again for passage, again in counts if passage.tier)
        return len(self._prompt.prefix) + found

    def _computed_again(self) -> list[int]:
        """Of each passage, how many of its rows."""
        ends = (*self.spliced.starts[1:], len(self.spliced.tokens))
        return [
            sum(row in self._again for row in range(start, end))
            for start, end in zip(self.spliced.starts, ends, strict=True)
        ]

    def by_source(self, sources: Sequence[Source]) -> tuple[CacheReuse, ...]:
        """What was reused of each of the request's sources that the prompt holds, in their order."""
        parts = []
        prompt = zip(self.passages, self._computed_again(), strict=True)
        for source, (passage, again) in zip(sources, reversed(list(prompt)), strict=True):
            tokens = len(passage.tokens)
            found = tokens - again if passage.tier else 0
            parts.append(CacheReuse(source.id, tokens, found, again, passage.tier))
        return tuple(parts)
