"""The words of generation: a question with passages in, a stream of events out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from skerry.core.deadline import Deadline
from skerry.generation.beams import NO_SEARCH, BeamPlan
from skerry.generation.plan import ANY_CONTEXT, ContextPlan
from skerry.retrieval.quotes import Quote


@dataclass(frozen=True, slots=True)
class Source:
    """A passage the answer may use; `id` is the passage's id, which citations name."""

    id: str
    title: str
    text: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to answer from what.

    `temperature` 0 is greedy. `stop` are strings that end the answer (they are not part of it). `context`
    says how the prompt is read and kept, `beams` whether several answers are searched for: the best then
    comes as a whole, when it is known.
    """

    question: str
    sources: tuple[Source, ...]
    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    context: ContextPlan = ANY_CONTEXT
    beams: BeamPlan = NO_SEARCH


@dataclass(frozen=True, slots=True)
class CacheReuse:
    """How much of one source's keys and values came from a store.

    Attributes:
        source_id: the source.
        tokens: of its text in the prompt.
        reused_tokens: those that were not computed for this prompt.
        recomputed_tokens: those that were computed again among their neighbours.
        tier: which tier of the store had it, "memory", "redis" or "disk"; "" where none had.
    """

    source_id: str
    tokens: int
    reused_tokens: int
    recomputed_tokens: int
    tier: str


@dataclass(frozen=True, slots=True)
class Started:
    """The prompt has been read: its length, and how much of it came from a cache.

    Attributes:
        prompt_tokens: of the whole prompt.
        cached_tokens: those that were not computed for it: at least what every prompt begins with.
        sources: how many of the request's sources, from the first on, the prompt holds: what does not fit the
            model's context is left out.
        reuse: of each of them; empty where nothing was to be reused.
        no_reuse: why nothing was reused though it was asked for; empty otherwise.
    """

    prompt_tokens: int
    cached_tokens: int
    sources: int = 0
    reuse: tuple[CacheReuse, ...] = ()
    no_reuse: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A run of the answer's words that stands in a source, proven by position.

    `answer_start`/`answer_end` are characters of the whole answer; `source_start`/`source_end` characters of
    the source's text; `quote` is the source's text between them. `support` is the share of the answer's
    attention, 0 to 1, that went to the sentences it stands in; None where the selector does not tell.
    """

    source_id: str
    answer_start: int
    answer_end: int
    source_start: int
    source_end: int
    quote: str
    support: float | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """A sentence, or a piece of one, that the answer's tokens looked at.

    Attributes:
        source_id: whose text it is of.
        start, end: characters of that text.
        weight: share of the answer's attention to all sentences, 0 to 1.
    """

    source_id: str
    start: int
    end: int
    weight: float


class FinishReason(Enum):
    """Why the stream ended."""

    STOP = "stop"
    LENGTH = "length"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another answer that a search with beams found.

    Attributes:
        text: of it, which no other answer of the search has.
        score: log-probability (natural) of its tokens, the one that ended it with them, by their number as
            `BeamPlan.length_penalty` says.
        reason: why it ended; ABSTAINED where it is no answer.
        citations: of its text, as of the answer's.
    """

    text: str
    score: float
    reason: FinishReason
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of the stream. `abstention` says why there is no answer (empty otherwise).

    `quotes` are the answer's words as the whole corpus has them; None where that was not checked. `rests_on`
    are the sentences that the selector saw the answer look at most; none where it chose nothing. `score` is
    that of the answer, as in `Alternative`, and `alternatives` are the next best answers, best first; None
    and nothing where no beams were asked for.
    """

    reason: FinishReason
    text: str
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int
    abstention: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    quotes: tuple[Quote, ...] | None = None
    rests_on: tuple[Support, ...] = ()
    score: float | None = None
    alternatives: tuple[Alternative, ...] = ()


Event: TypeAlias = Started | Delta | Citation | Completed


class Generator(Protocol):
    """Reads sources and answers. One call at a time does the work; others wait their turn."""

    name: str

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        """`Started`, then `Delta`s, then `Citation`s, then `Completed`.

        Raises:
            InvalidInput: an empty question, no sources, a prompt that cannot fit the model.
            DeadlineExceeded, Cancelled: between tokens.
        """
        ...
