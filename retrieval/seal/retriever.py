"""The opened SEAL leg: queries in, passages with the n-grams that found them out."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady
from skerry.core.memory import give_back_freed_memory
from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model
from skerry.core.timing import Timings
from skerry.retrieval.base import Candidates, Evidence, Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.speaker import Speaker, speaker
from skerry.retrieval.turns import Turns

if TYPE_CHECKING:
    from skerry.retrieval.seal.decoding import Decoded, DecodingOptions, Profile
    from skerry.retrieval.seal.fm_index import FmIndex
    from skerry.retrieval.seal.language_model.base import LanguageModel
    from skerry.retrieval.seal.scoring import Corpus

QUERY_TOKENS = 512
"""How much of a query the language model reads."""
MOST_SLOTS = 4000
"""Tokens that the language model keeps at once: 8 short questions at 15 beams, or 92 MB of SmolLM2-135M."""
_PROMPT_TOKENS = 8
_SPARE_TOKENS = 8


@dataclass(frozen=True, slots=True)
class _Said:
    """What the language model said to a query, and where the time of the turn went that it shared."""

    decoded: Decoded
    profile: Profile


@dataclass(frozen=True, slots=True)
class _Loaded:
    speaker: Speaker
    corpus: Corpus
    turns: Turns[DecodingOptions, str, _Said]


class SealRetriever:
    """The opened leg. For its options see `SealLeg` in the gRPC contract.

    Of a query the language model reads the first `QUERY_TOKENS` tokens, or what its context has room for.
    Queries that come while it speaks to others wait, and then share a turn.

    Attributes:
        adapter: what is added to the language model's weights.
        weights_sha256: of the adapter; "" without one.
    """

    name = "seal"

    def __init__(
        self, index: FmIndex, passages: PassageStore, model: Model, adapter: Adapter | None, dtype: str
    ) -> None:
        self._index = index
        self._passages = passages
        self.adapter = adapter
        self.weights_sha256 = "" if adapter is None else adapter.weights_sha256
        self._model, self._dtype = model, dtype
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._closed = False

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        """See `Retriever.retrieve`.

        Passages have the same scores and the same order with `within` as without. Where it leaves no more
        than the option `candidates` says, those too are found that only frequent keys name. Timings are "lm",
        "index" (the FM-index) and "other".
        """
        chosen = SealOptions.of(options, self._index.tokens)
        if self._index.passages == 0:
            return [Candidates(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        loaded = self._load()
        model = loaded.speaker.model
        questions = [readable(query, model, chosen.decoding) for query in queries]
        costs = [_slots(question, model, chosen.decoding) for question in questions]
        found = []
        for part in _batches(costs, MOST_SLOTS):
            deadline.check("generating n-grams of the corpus")
            for said in loaded.turns.call(chosen.decoding, questions[part], sum(costs[part]), deadline):
                deadline.check("scoring passages")
                found.append(self._candidates(loaded, said, limit, chosen, within))
        return found

    def close(self) -> None:
        """Let the language model go, once the searches that run now have ended."""
        with self._lock:
            self._loaded, self._closed = None, True

    def _load(self) -> _Loaded:
        with self._lock:
            if self._closed:
                raise IndexNotReady("The SEAL leg was closed.", hint="Open the index again.")
            if self._loaded is None:
                from skerry.retrieval.seal.scoring import Corpus

                loaded = speaker(self._model, self.adapter, self._dtype)
                index = self._index

                def work(options: DecodingOptions, questions: list[str], deadline: Deadline) -> list[_Said]:
                    asked = loaded.thread.submit(_ask, loaded.model, index, options, questions, deadline)
                    return asked.result()

                corpus = Corpus(index, [loaded.model.vocabulary.title_end])
                self._loaded = _Loaded(loaded, corpus, Turns(loaded.turn, work, MOST_SLOTS))
            return self._loaded

    def _candidates(
        self,
        loaded: _Loaded,
        said: _Said,
        limit: int,
        options: SealOptions,
        within: NDArray[np.int64] | None,
    ) -> Candidates:
        from skerry.retrieval.seal.evidence import FoundEvidence
        from skerry.retrieval.seal.scoring import SCORINGS, Keys

        timings = Timings()
        with timings.measure("scoring"):
            scored = SCORINGS.load(options.scoring)(
                Keys.of(said.decoded.keys),
                said.decoded.first_log_probs,
                loaded.corpus,
                options.weighing,
                matches=limit if options.evidence else 0,
                within=within,
            )
        ordinals = scored.passages[:limit]
        evidence: Sequence[tuple[Evidence, ...]] = ()
        if options.evidence:
            vocabulary = loaded.speaker.model.vocabulary
            evidence = FoundEvidence(ordinals, scored.matches, self._passages, vocabulary, options.evidence)
        scores = scored.scores[:limit].astype(np.float32)
        profile, scoring = said.profile, timings.seconds["scoring"]
        seconds = {
            "lm": profile.lm_seconds,
            "index": profile.index_seconds + scored.index_seconds,
            "other": profile.other_seconds + scoring - scored.index_seconds,
        }
        return Candidates(ordinals, scores, evidence, seconds)


def _ask(
    model: LanguageModel,
    index: FmIndex,
    options: DecodingOptions,
    questions: Sequence[str],
    deadline: Deadline,
) -> list[_Said]:
    """One turn of the language model: what it says to all of these questions."""
    from skerry.retrieval.seal.decoding import decode

    try:
        decoding = decode(model, index, questions, options, deadline=deadline)
    finally:
        give_back_freed_memory()
    return [_Said(decoded, decoding.profile) for decoded in decoding.questions]


def _slots(question: str, model: LanguageModel, options: DecodingOptions) -> int:
    """Tokens that the model keeps of a question: its prompts, and every hypothesis of every step."""
    prompt = len(model.vocabulary.encode(question)) + _PROMPT_TOKENS
    steps = options.length + (options.title_length if options.titles else 0)
    return prompt * (2 if options.titles else 1) + options.beams * steps


def _batches(costs: Sequence[int], most: int) -> Iterator[slice]:
    """Runs of items that cost at most `most` together, or of one item that costs more."""
    start, spent = 0, 0
    for stop, cost in enumerate(costs):
        if stop > start and spent + cost > most:
            yield slice(start, stop)
            start, spent = stop, 0
        spent += cost
    if start < len(costs):
        yield slice(start, len(costs))


def readable(question: str, model: LanguageModel, options: DecodingOptions) -> str:
    """The question without needless white space, or as much of its beginning as the language model reads."""
    from skerry.retrieval.seal.prompts import body_prompt, title_prompt

    vocabulary = model.vocabulary
    prompt = max(len(vocabulary.encode(make(""))) for make in (body_prompt, title_prompt))
    room = model.context - max(options.length, options.title_length) - prompt - _SPARE_TOKENS
    question = " ".join(question.split())
    tokens = vocabulary.encode(question)
    most = max(0, min(QUERY_TOKENS, room))
    # A cut inside a character leaves the sign for what cannot be read.
    return question if len(tokens) <= most else vocabulary.text(tokens[:most]).rstrip("\ufffd")
