"""A question set run over a retrieval chain, and over ranking and generation: every system in one pass.

The legs' own lists are read off the hits of the fused request (each hit keeps its rank in every leg), so that
no leg answers a question twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.progress import Progress, SilentProgress
from skerry.evaluation.gold import Record
from skerry.evaluation.predictions import PredictionFiles, prediction, provenance_of
from skerry.evaluation.scores import first_hit
from skerry.generation.plan import ANY_CONTEXT, ContextPlan
from skerry.ranking.plan import FIRST_HITS, WHOLE_LIST, RankPlan, check_plan
from skerry.retrieval.base import Hit, LegRequest, RetrievalChain, RetrievalRequest, RetrievalResult

if TYPE_CHECKING:
    from skerry.generation.base import Generator
    from skerry.ranking.ranked import RankingChain

RANKED = "ranked"
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What is asked of each question.

    Attributes:
        legs: at least one; their limits bound the lists.
        fusion: used with several legs.
        ranking: by whom the fused hits are ranked, how far, and when to stop.
        keep: how many passages of each list are written.
        batch: questions a retrieval call, and between two moments at which the files are durable.
        passages, max_tokens, min_confidence, context: of the answers, see `AnswerRequest`.
    """

    legs: tuple[LegRequest, ...]
    fusion: str = "rrf"
    ranking: RankPlan = FIRST_HITS
    keep: int = 100
    batch: int = 32
    passages: int = 5
    max_tokens: int = 64
    min_confidence: float | None = None
    context: ContextPlan = ANY_CONTEXT

    def request(self, query: str) -> RetrievalRequest:
        """A retrieval of all that the legs find."""
        return RetrievalRequest(query, self.legs, self.fusion, limit=sum(leg.limit for leg in self.legs))

    def parameters(self) -> dict[str, Any]:
        """JSON values of all that decides what the predictions are."""
        usual, plan = asdict(WHOLE_LIST), asdict(self.ranking)
        cascade = {name: value for name, value in plan.items() if name != "depth" and value != usual[name]}
        context = {name: value for name, value in asdict(self.context).items() if value is not None}
        return {
            "legs": [[leg.name, leg.limit, leg.weight, dict(leg.options)] for leg in self.legs],
            "fusion": self.fusion,
            "rank_depth": self.ranking.depth,
            **({"cascade": cascade} if cascade else {}),
            "keep": self.keep,
            "passages": self.passages,
            "max_tokens": self.max_tokens,
            "min_confidence": self.min_confidence,
            **({"context": context} if context else {}),
        }


def system_names(spec: RunSpec, *, ranked: bool, answered: bool) -> list[str]:
    """The lists that a run writes: each leg, the fusion of several, then the ranked one or the answers.

    Raises:
        InvalidInput: no legs, a leg twice, a `batch` or `keep` below 1, a plan of ranking out of its range.
    """
    names = [leg.name for leg in spec.legs]
    if not names or len(set(names)) < len(names):
        raise InvalidInput(f"The legs are {names}.", hint="Name at least one leg, and each once.")
    if min(spec.batch, spec.keep) < 1:
        raise InvalidInput("The batch and what is kept must be at least 1.")
    check_plan(spec.ranking)
    if len(names) > 1:
        names.append(spec.fusion)
    if answered:
        names.append(ANSWER)
    elif ranked:
        names.append(RANKED)
    return names


def leg_hits(hits: Sequence[Hit], leg: str) -> list[tuple[Hit, float]]:
    """One leg's own list, as (hit, the leg's score), read off fused hits."""
    found = [(score.rank, hit, score.score) for hit in hits for score in hit.legs if score.leg == leg]
    return [(hit, score) for _, hit, score in sorted(found, key=lambda entry: entry[0])]


def run(
    questions: Sequence[Record],
    out: Path,
    chain: RetrievalChain,
    spec: RunSpec,
    parameters: Mapping[str, Any],
    *,
    rankers: RankingChain | None = None,
    generator: Generator | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Predict every question and write one KILT file a system. Run again, it goes on where it was.

    Args:
        questions: in the gold file's order; each with an input.
        out: the main system's file (the answers, else the ranked, else the fused list).
        chain: retrieves.
        spec: what to ask.
        parameters: JSON values that name the rest of what decides the predictions: the index's result hash,
            the gold file's hash, the models. With `spec` they must be those of the files that are there.
        rankers: rank the fused list; None leaves it as it is.
        generator: answers from the ranked (or fused) list; None only retrieves.
        restart: start anew where files exist.
        progress: counts questions, with the share of hit@1 so far.

    Returns:
        System -> file, the main one last.

    Raises:
        InvalidInput: a question without an input; files of other settings at `out`; and what the parts raise.
    """
    names = system_names(spec, ranked=rankers is not None, answered=generator is not None)
    for question in questions:
        if not question.input.strip():
            raise InvalidInput(f"{question.where}: the question has no input.")
    settings = {**parameters, **spec.parameters()}
    with PredictionFiles(out, names, questions, settings, restart=restart) as files:
        work = _Work(chain, spec, rankers, generator)
        left = questions[files.done :]
        size = 1 if generator is not None else spec.batch
        with (progress or SilentProgress()).task("eval", len(left), "questions") as task:
            seen, hits = 0, 0
            for start in range(0, len(left), size):
                batch = left[start : start + size]
                lines = work.predict(batch)
                files.append(lines)
                for question, line in zip(batch, lines, strict=True):
                    rank = first_hit(question, line[names[-1]]["output"][0]["provenance"])
                    if rank is not None:
                        seen, hits = seen + 1, hits + (rank == 1)
                task.advance(len(batch))
                if seen:
                    task.note(f"hit@1 {hits / seen:.3f}")
        return files.paths


class RecordingChain:
    """A chain that keeps its last results, for who needs more of them than the answer pipeline hands on."""

    def __init__(self, chain: RetrievalChain) -> None:
        self._chain = chain
        self.results: list[RetrievalResult] = []

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        self.results = self._chain.retrieve(requests, deadline)
        return self.results


class _Work:
    """Turns questions into lines, one for every system."""

    def __init__(
        self,
        chain: RetrievalChain,
        spec: RunSpec,
        rankers: RankingChain | None,
        generator: Generator | None,
    ) -> None:
        self._chain = RecordingChain(chain)
        self._spec = spec
        self._rankers = rankers
        self._generator = generator

    def predict(self, batch: Sequence[Record]) -> list[dict[str, dict[str, Any]]]:
        if self._generator is not None:
            return [self._answer(question, self._generator) for question in batch]
        results = self._chain.retrieve(
            [self._spec.request(question.input) for question in batch], Deadline(None)
        )
        lines = []
        for question, result in zip(batch, results, strict=True):
            systems = self._retrieved(question, result)
            if self._rankers is not None:
                systems[RANKED] = self._line(question, self._rank(self._rankers, question, result.hits))
            lines.append(systems)
        return lines

    def _retrieved(self, question: Record, result: RetrievalResult) -> dict[str, dict[str, Any]]:
        systems = {leg.name: self._line(question, leg_hits(result.hits, leg.name)) for leg in self._spec.legs}
        if len(self._spec.legs) > 1:
            systems[self._spec.fusion] = self._line(question, [(hit, hit.score) for hit in result.hits])
        return systems

    def _rank(self, rankers: RankingChain, question: Record, hits: Sequence[Hit]) -> list[tuple[Hit, float]]:
        from skerry.ranking.rerank import rerank

        if not hits:
            return []
        ranked, _ = rerank(rankers, question.input, hits, self._spec.ranking, Deadline(None))
        return [(entry.hit, entry.score) for entry in ranked]

    def _answer(self, question: Record, generator: Generator) -> dict[str, dict[str, Any]]:
        from skerry.generation.answer import AnswerPipeline, AnswerRequest, References
        from skerry.generation.base import Completed

        spec = self._spec
        pipeline = AnswerPipeline(self._chain, self._rankers, generator)
        request = AnswerRequest(
            question=question.input,
            retrieval=spec.request(question.input),
            ranking=spec.ranking,
            passages=spec.passages,
            min_confidence=spec.min_confidence,
            max_tokens=spec.max_tokens,
            context=spec.context,
        )
        references: list[tuple[Hit, float]] = []
        answer: str | None = None
        for event in pipeline.stream(request, Deadline(None)):
            if isinstance(event, References):
                references = [(entry.hit, entry.score) for entry in event.hits]
            elif isinstance(event, Completed):
                answer = event.text.strip()
        if answer is None:
            raise BackendUnavailable(f"The answer to {question.id!r} broke off before its end.")
        systems = self._retrieved(question, self._chain.results[0])
        systems[ANSWER] = self._line(question, references, answer)
        return systems

    def _line(
        self, question: Record, hits: Sequence[tuple[Hit, float]], answer: str | None = None
    ) -> dict[str, Any]:
        provenance = [provenance_of(hit.passage, score) for hit, score in hits[: self._spec.keep]]
        return prediction(question, provenance, answer)
