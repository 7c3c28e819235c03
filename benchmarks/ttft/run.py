"""`skerry bench ttft`: what passages' kept keys and values save, and what they cost in likelihood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.benchmarks.ttft.first import Peer
from skerry.benchmarks.ttft.kept import KeptPassages
from skerry.benchmarks.ttft.measure import losses, times
from skerry.benchmarks.ttft.passages import Case, make_cases
from skerry.benchmarks.ttft.peer import FullPrefill
from skerry.benchmarks.ttft.peers.check import check_same
from skerry.benchmarks.ttft.peers.kinds import Chosen
from skerry.benchmarks.ttft.peers.process import PeerProcess
from skerry.benchmarks.ttft.peers.start import running
from skerry.benchmarks.ttft.report import Report
from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.evaluation.gold import read_gold
from skerry.generation.engine import TransformersGenerator
from skerry.generation.model import LoadedModel
from skerry.generation.plan import ContextPlan, check_context

_CHECKED = 5
"""Prompts of one passage, on which peers must agree with transformers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        counts: passages of a prompt, for the times.
        shares: of them that are kept.
        modes: recompute modes.
        passage_tokens: of a passage at most.
        rounds: questions that each way is timed on; 0 times none.
        questions: by number of passages, how many the likelihood is measured on; 0 leaves it out.
        peers: timed beside transformers.
    """

    counts: Sequence[int]
    shares: Sequence[float]
    modes: Sequence[str]
    passage_tokens: int
    rounds: int
    questions: Sequence[tuple[int, int]]
    peers: Sequence[Chosen] = ()


def run(
    model: Model,
    dtype: str,
    knowledge: Path,
    gold: Path,
    plan: Plan,
    processors: int,
    progress: Progress,
) -> Report:
    """Both measurements on one model.

    Raises:
        InvalidInput: an unknown mode, a dtype that is none, files without usable questions; peers and no
            rounds, or a model that one cannot read.
        NotFound, IndexCorrupt: the files or the model.
        BackendUnavailable: a peer does not start, ends, or finds other first tokens than transformers.
    """
    if plan.peers and not plan.rounds:
        raise InvalidInput("Peers are timed, and no rounds are asked for.", hint="Give --rounds 1 or more.")
    for mode in plan.modes:
        check_context(ContextPlan(recompute=mode))
    kept = KeptPassages()
    generator = TransformersGenerator(model, dtype, processors, kept)
    loaded = generator.loaded()
    full = FullPrefill(model, loaded.weights.dtype)
    most = max([plan.rounds, *(questions for _, questions in plan.questions)])
    cases = make_cases(
        knowledge,
        read_gold(gold),
        most,
        plan.passage_tokens,
        lambda text: len(loaded.tokenizer(text, add_special_tokens=False, verbose=False).input_ids),
    )
    counts = plan.counts if plan.rounds else ()
    with _peers(plan, full, model, loaded, cases, processors, progress) as others:
        peers: list[Peer] = [full, *others]
        timed = times(generator, kept, peers, cases, counts, plan.modes, plan.shares, plan.rounds, progress)
        versions = {peer.name: peer.version for peer in peers}
    lost = [
        loss
        for count, questions in plan.questions
        if questions
        for loss in losses(generator, kept, full, cases[:questions], count, plan.modes, progress)
    ]
    dtype = str(loaded.weights.dtype).removeprefix("torch.")
    return Report(model.name, dtype, processors, versions, timed, lost)


@contextmanager
def _peers(
    plan: Plan,
    full: FullPrefill,
    model: Model,
    loaded: LoadedModel,
    cases: Sequence[Case],
    processors: int,
    progress: Progress,
) -> Iterator[list[PeerProcess]]:
    """Warm, with room for the longest prompt, and agreeing with transformers."""
    if not plan.peers:
        yield []
        return

    def prompts(count: int, limit: int) -> list[tuple[int, ...]]:
        return [
            loaded.prompting.fit(case.question, case.sources(count), loaded.context - 1).tokens
            for case in cases[:limit]
        ]

    short = prompts(1, _CHECKED)
    context = 1 + max(len(tokens) for tokens in (*short, *prompts(max(plan.counts), plan.rounds)))
    with running(plan.peers, model, full.weights, processors, context, progress) as peers:
        check_same(full, peers, short)
        yield peers
