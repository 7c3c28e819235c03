"""Where a question's time goes, and how much the language model is given to do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from skerry.benchmarks.seal.latency import LIMIT, SHOWN
from skerry.benchmarks.seal.parts import SealParts
from skerry.core.progress import Task
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.seal.evidence import FoundEvidence
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.scoring import SCORINGS, Keys


@dataclass(slots=True)
class Shares:
    """Seconds by part of the work, summed or in mean a question.

    Attributes:
        lm: the language model.
        decoding_index: continuations and query n-grams from the FM-index.
        scoring_index: places of keys, and passages' tokens, from the FM-index.
        scoring: keys' weights and passages' cover (native).
        evidence: n-grams of the passages shown, as text with places.
        other: prompts, choosing beams, keeping keys.
    """

    lm: float = 0.0
    decoding_index: float = 0.0
    scoring_index: float = 0.0
    scoring: float = 0.0
    evidence: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.index + self.lm + self.scoring + self.evidence + self.other

    @property
    def index(self) -> float:
        """The FM-index, wherever it is used."""
        return self.decoding_index + self.scoring_index


@dataclass(frozen=True, slots=True)
class Work:
    """A question in mean.

    Attributes:
        seconds: by part.
        calls: of the language model.
        rows: prompts, hypotheses or (of query n-grams) tokens a call.
        call_seconds: of one call.
        keys: body n-grams, titles and query n-grams found.
    """

    seconds: Shares
    calls: float
    rows: float
    call_seconds: float
    keys: float


def profile(
    parts: SealParts, passages: PassageStore, questions: Sequence[str], beams: int, task: Task
) -> Work:
    """Do the leg's steps by hand, with a clock at each, after one question that does not count."""
    options = SealOptions.of({"beams": beams}, parts.index.tokens)
    _question(parts, passages, questions[0], options, Shares())
    sums = Shares()
    calls = rows = keys = 0
    for question in questions:
        of_one = _question(parts, passages, question, options, sums)
        calls, rows, keys = calls + of_one[0], rows + of_one[1], keys + of_one[2]
        task.advance()
    count = len(questions)
    mean = Shares(**{name: seconds / count for name, seconds in asdict(sums).items()})
    return Work(mean, calls / count, rows / calls, sums.lm / calls, keys / count)


def _question(
    parts: SealParts, passages: PassageStore, question: str, options: SealOptions, sums: Shares
) -> tuple[int, int, int]:
    """Add one question's seconds to `sums`; calls of the language model, their rows, and keys."""
    start = time.perf_counter()
    decoding = parts.decode([question], options.decoding)
    decoded, spent = time.perf_counter(), decoding.profile
    [said] = decoding.questions
    keys = Keys.of(said.keys)
    scored = SCORINGS.load(options.scoring)(
        keys, said.first_log_probs, parts.corpus, options.weighing, matches=LIMIT
    )
    ranked = time.perf_counter()
    vocabulary = parts.speaker.model.vocabulary
    list(
        FoundEvidence(scored.passages[:LIMIT], scored.matches, passages, vocabulary, options.evidence)[:SHOWN]
    )
    sums.lm += spent.lm_seconds
    sums.decoding_index += spent.index_seconds
    sums.scoring_index += scored.index_seconds
    sums.scoring += ranked - decoded - scored.index_seconds
    sums.evidence += time.perf_counter() - ranked
    sums.other += decoded - start - spent.lm_seconds - spent.index_seconds
    return spent.steps, spent.rows, len(keys)
