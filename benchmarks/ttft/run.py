"""`skerry bench ttft`: what passages' kept keys and values save, and what they cost in likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.benchmarks.ttft.kept import KeptPassages
from skerry.benchmarks.ttft.measure import losses, times
from skerry.benchmarks.ttft.passages import make_cases
from skerry.benchmarks.ttft.peer import FullPrefill
from skerry.benchmarks.ttft.report import Report
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.evaluation.gold import read_gold
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan, check_context


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
    """

    counts: Sequence[int]
    shares: Sequence[float]
    modes: Sequence[str]
    passage_tokens: int
    rounds: int
    questions: Sequence[tuple[int, int]]


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
        InvalidInput: an unknown mode, a dtype that is none, files without usable questions.
        NotFound, IndexCorrupt: the files or the model.
    """
    for mode in plan.modes:
        check_context(ContextPlan(recompute=mode))
    kept = KeptPassages()
    generator = TransformersGenerator(model, dtype, processors, kept)
    loaded = generator.loaded()
    peer = FullPrefill(model, loaded.weights.dtype)
    most = max([plan.rounds, *(questions for _, questions in plan.questions)])
    cases = make_cases(
        knowledge,
        read_gold(gold),
        most,
        plan.passage_tokens,
        lambda text: len(loaded.tokenizer(text, add_special_tokens=False, verbose=False).input_ids),
    )
    counts = plan.counts if plan.rounds else ()
    timed = times(generator, kept, peer, cases, counts, plan.modes, plan.shares, plan.rounds, progress)
    lost = [
        loss
        for count, questions in plan.questions
        if questions
        for loss in losses(generator, kept, peer, cases[:questions], count, plan.modes, progress)
    ]
    return Report(model.name, str(loaded.weights.dtype).removeprefix("torch."), processors, timed, lost)
