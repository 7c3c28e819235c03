"""Times to the first token by passages, share that is kept and mode; what gold answers' likelihood loses."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skerry.benchmarks.ttft.first import First, Peer
from skerry.benchmarks.ttft.kept import KeptPassages
from skerry.benchmarks.ttft.passages import Case
from skerry.benchmarks.ttft.peer import FullPrefill
from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.core.timing import Timings
from skerry.generation.base import GenerationRequest, Source, Started
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import PLAIN, ContextPlan
from skerry.generation.reading import Reading
from skerry.generation.reuse.splice import PassageReuse

REPEATED = "same passages again"
"""The whole context stood behind the same tokens before: its keys and values are exact."""


@dataclass(frozen=True, slots=True)
class Time:
    """Times to the first token of one way.

    Attributes:
        passages, tokens: of the prompt.
        way: a recompute mode, `REPEATED`, or a peer's name.
        share: of the passages that were kept, 0 to 1; None for a peer.
        seconds: median over the rounds.
        faster: by peer, the median of the ratios to its full prefill in the same round.
        same: of a peer, the share of the prompts whose first token is transformers'; None for ours.
    """

    passages: int
    tokens: int
    way: str
    share: float | None
    seconds: float
    faster: Mapping[str, float]
    same: float | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """What one mode does to the gold answers' negative log-likelihood, all passages kept.

    Attributes:
        passages: of a prompt.
        way: a recompute mode.
        questions: how many.
        full: mean over the questions with transformers' full prefill, in nats a token.
        spliced: the same with the mode.
    """

    passages: int
    way: str
    questions: int
    full: float
    spliced: float

    @property
    def change(self) -> float:
        """Relative: .02 is two percent more."""
        return self.spliced / self.full - 1


def times(
    generator: TransformersGenerator,
    kept: KeptPassages,
    peers: Sequence[Peer],
    cases: Sequence[Case],
    counts: Sequence[int],
    modes: Sequence[str],
    shares: Sequence[float],
    rounds: int,
    progress: Progress,
) -> list[Time]:
    """Every way in every round, in turns with the peers; a round is another question.

    A peer gets the tokens; ours tokenises, looks up, splices and reads. The first peer is transformers.
    """
    loaded = generator.loaded()
    made = []
    total = len(counts) * rounds * (len(peers) + 1 + len(modes) * len(shares))
    with progress.task("first token", total, "prompts") as task:
        for count in counts:
            own: dict[tuple[str, float], list[float]] = {}
            theirs: dict[str, list[First]] = {peer.name: [] for peer in peers}
            lengths: list[int] = []
            for number in range(rounds):
                case = cases[number % len(cases)]
                sources = case.sources(count)
                kept.read(generator, sources)
                prompt = loaded.prompting.fit(case.question, sources, loaded.context - 1)
                lengths.append(len(prompt.tokens))
                for peer in peers:
                    theirs[peer.name].append(peer.first_token(prompt.tokens))
                    task.advance()
                for mode in modes:
                    for share in shares:
                        kept.show(_some(sources, share, number))
                        one = _first_token(generator, case.question, sources, mode)
                        own.setdefault((mode, share), []).append(one)
                        task.advance()
                kept.show(sources, kept.read_together(generator, sources, case.question))
                one = _first_token(generator, case.question, sources, "full")
                own.setdefault((REPEATED, 1.0), []).append(one)
                kept.keep_only(case.distractors)
                task.advance()
            tokens = round(statistics.median(lengths))
            full = {name: [first.seconds for first in firsts] for name, firsts in theirs.items()}
            right = theirs[peers[0].name]
            for name, firsts in theirs.items():
                same = statistics.fmean(a.token == b.token for a, b in zip(firsts, right, strict=True))
                made.append(_time(count, tokens, name, None, full[name], full, same))
            for (way, share), seconds in own.items():
                made.append(_time(count, tokens, way, share, seconds, full))
    return made


def _time(
    passages: int,
    tokens: int,
    way: str,
    share: float | None,
    seconds: Sequence[float],
    full: Mapping[str, Sequence[float]],
    same: float | None = None,
) -> Time:
    faster = {
        name: statistics.median(slow / fast for slow, fast in zip(theirs, seconds, strict=True))
        for name, theirs in full.items()
    }
    return Time(passages, tokens, way, share, statistics.median(seconds), faster, same)


def _some(sources: Sequence[Source], share: float, seed: int) -> list[Source]:
    return random.Random(seed).sample(list(sources), round(share * len(sources)))


def _first_token(
    generator: TransformersGenerator, question: str, sources: Sequence[Source], mode: str
) -> float:
    request = GenerationRequest(
        question, tuple(sources), max_tokens=1, context=ContextPlan(recompute=mode, margin=0.0)
    )
    begun = time.perf_counter()
    events = generator.generate(request, Deadline(None))
    started = next(events)
    taken = time.perf_counter() - begun
    assert isinstance(started, Started)
    for _ in events:
        pass
    return taken


def losses(
    generator: TransformersGenerator,
    kept: KeptPassages,
    peer: FullPrefill,
    cases: Sequence[Case],
    count: int,
    modes: Sequence[str],
    progress: Progress,
) -> list[Loss]:
    """One a mode, over the same questions; the answer with the quotation mark that ends it."""
    loaded = generator.loaded()
    reuse = PassageReuse(loaded, kept)
    full, spliced = [], {mode: list[float]() for mode in modes}
    with progress.task(f"likelihood, {count} passages", len(cases), "questions") as task:
        for case in cases:
            sources = case.sources(count)
            kept.read(generator, sources)
            kept.show(sources)
            answer = loaded.prompting.answer(case.answer)
            prompt = loaded.prompting.fit(case.question, sources, loaded.context - len(answer))
            full.append(peer.nll(prompt.tokens, answer))
            for mode in modes:
                plan = ContextPlan(recompute=mode).over(PLAIN)
                reading = Reading(
                    loaded,
                    prompt,
                    plan,
                    len(prompt.tokens) + len(answer),
                    reuse,
                    Deadline(None),
                    Timings(),
                )
                spliced[mode].append(_nll(reading, answer))
            kept.keep_only(case.distractors)
            task.advance()
    return [
        Loss(count, mode, len(cases), statistics.fmean(full), statistics.fmean(own))
        for mode, own in spliced.items()
    ]


def _nll(reading: Reading, answer: Sequence[int]) -> float:
    likely = 0.0
    for number, token in enumerate(answer):
        likely += float(reading.logits.float().log_softmax(-1)[token])
        if number + 1 < len(answer):
            reading.step(answer[: number + 1], Deadline(None))
    return -likely / len(answer)
