"""Every list that the quality table is made of: the other legs once, and SEAL decoded once a setting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skerry.benchmarks.seal.lists import Found, ListStore
from skerry.benchmarks.seal.parts import LEG, SealParts, adapter_of, open_parts
from skerry.benchmarks.seal.scored import ABLATIONS, scored_lists, weighings
from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.models.adapter_files import Adapter
from skerry.core.progress import Progress, Task
from skerry.evaluation.gold import Record
from skerry.retrieval.fusion import LegList
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal import fm_index
from skerry.retrieval.seal.leg import INDEX_FILE
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.scoring import SCORINGS

OWN = "own"
"""The name of the one list of a leg that has one scoring only."""
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """SEAL with one adapter at one number of beams.

    Attributes:
        name: of the adapter, as it was asked for.
        adapter: what that is; None for the model as it is.
    """

    name: str
    adapter: Adapter | None
    beams: int

    @property
    def system(self) -> str:
        """The name that its lists are kept under; an adapter with other weights has another."""
        weights = "" if self.adapter is None else f" {self.adapter.weights_sha256[:12]}"
        return f"{LEG} {self.name}{weights} {self.beams}"


@dataclass(frozen=True, slots=True)
class QualitySpec:
    """What is asked of each question.

    Attributes:
        settings: of SEAL.
        legs: the others that it is fused with.
        depth: passages of every list.
    """

    settings: tuple[Setting, ...]
    legs: tuple[str, ...]
    depth: int

    @property
    def most_beams(self) -> int:
        """Parts of the keys are left out, and single legs are fused with SEAL, at these beams only."""
        return max(setting.beams for setting in self.settings)

    def names(self, setting: Setting) -> tuple[str, ...]:
        """The lists of one setting."""
        return (*SCORINGS, *(ABLATIONS if setting.beams == self.most_beams else ()))


def make_spec(
    index: Index, adapters: Sequence[str], beams: Sequence[int], legs: Sequence[str], depth: int
) -> QualitySpec:
    """Check what is asked for before any work is done.

    Raises:
        InvalidInput: no adapter, one twice, a leg twice, or SEAL among the others.
        NotFound: an adapter that is not there, or a leg of no such name.
        IndexNotReady: a leg that the index was built without.
    """
    if not adapters or len(set(adapters)) < len(adapters):
        raise InvalidInput(f"The adapters are {list(adapters)}.", hint="Name at least one, and each once.")
    if LEG in legs or len(set(legs)) < len(legs):
        raise InvalidInput(
            f"SEAL is to be fused with {list(legs)}.", hint="Name other legs of the index, and each once."
        )
    for leg in (LEG, *legs):
        index.files_of(leg)
    chosen = [(name, adapter_of(index, name)) for name in adapters]
    settings = [Setting(name, adapter, number) for name, adapter in chosen for number in beams]
    return QualitySpec(tuple(settings), tuple(legs), depth)


def facts(index: Index, depth: int) -> dict[str, Any]:
    """JSON values that all lists depend on."""
    folder, _ = index.files_of(LEG)
    tokens = fm_index.open(folder / INDEX_FILE).tokens
    decoding = asdict(SealOptions.of({}, tokens).decoding)
    del decoding["beams"]
    scorings = {name: asdict(options) for name, options in weighings(tokens).items()}
    return {
        "index": index.manifest.result_hash,
        "depth": depth,
        "decoding": decoding,
        "scorings": scorings,
    }


def find_lists(
    index: Index, questions: Sequence[Record], spec: QualitySpec, store: ListStore, progress: Progress
) -> None:
    """Put into the store what it does not have yet."""
    for leg in spec.legs:
        left = [question for question in questions if not store.has(question.id, leg, [OWN])]
        with progress.task(leg, len(left), "questions") as task:
            for batch in _batches(left):
                found = index.retriever(leg).retrieve(
                    [question.input for question in batch], spec.depth, {}, Deadline(None)
                )
                store.append(
                    Found(question.id, leg, {OWN: LegList(one.ordinals, one.scores)})
                    for question, one in zip(batch, found, strict=True)
                )
                task.advance(len(batch))
    work = [
        (setting, [q for q in questions if not store.has(q.id, setting.system, spec.names(setting))])
        for setting in spec.settings
    ]
    with progress.task(LEG, sum(len(left) for _, left in work), "decodings") as task:
        parts: SealParts | None = None
        spoken: Adapter | None = None
        for setting, left in work:
            if not left:
                continue
            if parts is None or setting.adapter != spoken:
                # The one before is let go first: two models need not be in memory at once.
                parts = None
                parts, spoken = open_parts(index, setting.adapter), setting.adapter
            task.note(setting.system)
            _decode(parts, left, setting, spec, store, task)


def _decode(
    parts: SealParts,
    questions: Sequence[Record],
    setting: Setting,
    spec: QualitySpec,
    store: ListStore,
    task: Task,
) -> None:
    options = SealOptions.of({"beams": setting.beams}, parts.index.tokens)
    scorings = weighings(parts.index.tokens)
    ablations = setting.beams == spec.most_beams
    for batch in _batches(questions):
        decoding = parts.decode([question.input for question in batch], options.decoding)
        store.append(
            Found(
                question.id,
                setting.system,
                scored_lists(decoded, parts.corpus, scorings, spec.depth, ablations=ablations),
            )
            for question, decoded in zip(batch, decoding.questions, strict=True)
        )
        task.advance(len(batch))


def _batches(questions: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(questions), _BATCH):
        yield questions[start : start + _BATCH]
