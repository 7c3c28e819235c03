"""The whole measurement: every encoder on the same sets, and how fast one is by its layers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skerry.benchmarks.elastic.measure import Grid, Measured, Work, measure
from skerry.benchmarks.elastic.question_set import QuestionSet, RightPassages, SetFiles
from skerry.benchmarks.elastic.speed import LayerSpeed, layer_speeds
from skerry.benchmarks.questions import spread_evenly
from skerry.core.dtype import resolve_dtype
from skerry.core.errors import InvalidInput, NotFound
from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.gold import Record
from skerry.retrieval.embedding import adapter as adapters
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.loading import load_encoder, size_of
from skerry.retrieval.embedding.options import LEAST_DIMENSIONS
from skerry.retrieval.embedding.passage_text import passage_text
from skerry.retrieval.embedding.training.similarity_file import read_similar_pairs
from skerry.retrieval.index.reader import Index

_SPEED_PASSAGES, _SPEED_QUESTIONS = 64, 16
_WIDTH_SHARES = (16, 8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class Spec:
    """What is asked for.

    Attributes:
        main: a KILT set.
        limit: its first questions only; None for all.
        spread: so many at equal distances instead of the first.
        layers, dimensions: of the grid; None for every layer, and for a sixteenth of the width to all of it.
        similar: file of graded sentence pairs.
        rounds: of the measurement of speed; 0 leaves it out.
        out: folder of the vectors.
        vectors: a passage has: "passage" (one), "stretches".
    """

    main: SetFiles
    others: Sequence[SetFiles]
    model: str
    dtype: str
    adapters: Sequence[str]
    out: Path
    limit: int | None = None
    spread: bool = False
    layers: tuple[int, ...] | None = None
    dimensions: tuple[int, ...] | None = None
    similar: Path | None = None
    rounds: int = 9
    funnel: bool = True
    vectors: str = "stretches"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    model: str
    dtype: str
    vectors: str
    processors: int
    gold: str
    questions: int
    passages: int
    grid: Grid
    encoders: Sequence[Measured]
    speeds: Sequence[LayerSpeed]

    def json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def run(spec: Spec, processors: int, progress: Progress) -> Report:
    """Measure what is asked for; all of it is looked at before work begins.

    Raises:
        InvalidInput: layers or dimensions that the model does not have, no adapter or one twice, a set twice,
            files that do not belong together.
        NotFound, IndexCorrupt, IndexNotReady: a model, an adapter, an index or a file that is not there, or
            is damaged.
    """
    model = ModelStore().resolve(spec.model)
    grid = _grid(spec, model)
    chosen = _adapters(spec.adapters, model)
    pairs = [] if spec.similar is None else read_similar_pairs(spec.similar)
    names = [files.name for files in spec.others]
    if len(set(names)) < len(names):
        raise InvalidInput(f"The other sets are called {names}.", hint="Give each a name of its own.")
    with ExitStack() as stack:

        def read(files: SetFiles) -> QuestionSet:
            return QuestionSet.read(files, stack.enter_context(Index.open(files.index)).passages)

        main = read(spec.main)
        main = QuestionSet(main.name, _asked(main.questions, spec), main.passages)
        others = [read(files) for files in spec.others]
        right = RightPassages.of(main.questions, main.passages)
        several = spec.vectors == "stretches"
        work = Work(grid, main, right, pairs, others, spec.funnel, spec.out / "vectors", several)
        encoders, speeds = [], []
        for name, adapter in chosen:
            encoder = load_encoder(model, adapter, spec.dtype)
            encoders.append(measure(encoder, name, _identity(model, adapter, spec.dtype), work, progress))
        if spec.rounds:
            speeds = _speeds(encoder, main, grid, spec.rounds, progress)
    return Report(
        spec.model,
        resolve_dtype(spec.dtype),
        spec.vectors,
        processors,
        spec.main.gold.name,
        len(main.questions),
        len(main.passages),
        grid,
        encoders,
        speeds,
    )


def _adapters(names: Sequence[str], model: Model) -> list[tuple[str, Adapter | None]]:
    """Adapters by what they are called: a folder by its last name, where that tells them apart."""
    if not names or len(set(names)) < len(names):
        raise InvalidInput(f"The adapters are {list(names)}.", hint="Name at least one, and each once.")
    chosen = [(name, adapters.chosen_adapter(name, model)) for name in names]
    if ("shipped", None) in chosen:
        raise NotFound(
            f"No adapter is shipped for the model {model.name}.",
            hint="Ask for the adapter none, or for the folder of one that `skerry train embedding` left.",
        )
    last = [Path(name).name for name in names]
    return (
        chosen
        if len(set(last)) < len(last)
        else [(name, one) for name, (_, one) in zip(last, chosen, strict=True)]
    )


def _grid(spec: Spec, model: Model) -> Grid:
    size = size_of(model)
    layers = spec.layers or tuple(range(1, size.layers + 1))
    widths = sorted({max(LEAST_DIMENSIONS, size.dimensions // share) for share in _WIDTH_SHARES})
    dimensions = spec.dimensions or tuple(widths)
    for name, values, low, high in (
        ("layers", layers, 1, size.layers),
        ("dimensions", dimensions, LEAST_DIMENSIONS, size.dimensions),
    ):
        if not low <= values[0] <= values[-1] <= high:
            raise InvalidInput(f"--{name} must be from {low} to {high} for {model.name}; got {list(values)}.")
    return Grid(layers, dimensions, size.layers, size.dimensions)


def _asked(questions: Sequence[Record], spec: Spec) -> Sequence[Record]:
    if spec.limit is None:
        return questions
    return spread_evenly(questions, spec.limit) if spec.spread else questions[: spec.limit]


def _identity(model: Model, adapter: Adapter | None, dtype: str) -> dict[str, str]:
    return {
        "model": model.weights_hash,
        "tokenizer": model.tokenizer_hash,
        "adapter": "" if adapter is None else adapter.weights_sha256,
        "dtype": resolve_dtype(dtype),
    }


def _speeds(
    encoder: SentenceEncoder, main: QuestionSet, grid: Grid, rounds: int, progress: Progress
) -> list[LayerSpeed]:
    ordinals = spread_evenly(range(len(main.passages)), _SPEED_PASSAGES)
    texts = [passage_text(one.title, one.text) for one in main.passages.get_many(ordinals)]
    questions = [question.input for question in spread_evenly(main.questions, _SPEED_QUESTIONS)]
    return layer_speeds(encoder, texts, questions, grid.encoded, rounds, progress)
