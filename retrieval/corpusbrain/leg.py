"""The CorpusBrain leg: a tree of all pages' titles, and a model that has read the corpus to write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput, NotFound
from skerry.core.files import naming_full_disk
from skerry.core.models.hashes import digest_files, weight_files
from skerry.core.models.store import Model
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.memory.config import checked_memory
from skerry.retrieval.corpusbrain.model.config import checked_config
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.corpusbrain.start import NETWORK, Start, kept_start, save_pages
from skerry.retrieval.corpusbrain.title_model import title_model, title_tokens
from skerry.retrieval.index.disk import link_or_copy
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.options import integer_option

if TYPE_CHECKING:
    from skerry.core.progress import Task
    from skerry.retrieval.corpusbrain.naming import Names
    from skerry.retrieval.corpusbrain.retriever import CorpusBrainRetriever

TREE = "titles.tree"
MEMORY = "memory"
"""Folder of a leg's files in which its page memory lies."""
_MEMORY = 32_768
OBJECTIVES = ("iss", "lps", "hip")


class CorpusBrainLeg:
    """Finds pages by the titles that a model which has read the corpus writes to a query.

    Chen et al. 2022, "CorpusBrain: Pre-train a Generative Retrieval Model for Knowledge-Intensive Language
    Tasks".

    Args:
        model: catalogue name or folder: an encoder, which learns to write titles as the index is built, or a
            sequence-to-sequence model that can do so already.
        weights: "train" has the encoder learn from the corpus, "none" takes a sequence-to-sequence model as
            it is, anything else is a folder that `skerry train corpusbrain` left for this encoder.
        start: "none" learns from the beginning; "current" goes on from the version in use of the index that
            is built, anything else from that of another index's folder, rehearsing what was learnt there.
        objectives: what is learnt, with commas: iss (text from a page), lps (a page's lead), hip (text around
            links to a page).
        seed: of all that is drawn by lot.
        epochs: passes over the pairs, at most 100; 0 is one, and more of a small corpus.
        pairs: most pairs of a pass, 1,000 to 100 million: bounds time and memory.
        title_tokens: longest name of a page in tokens, 8 to 128; of longer titles the beginning counts.
        memory: most slots of the page memory, which says beside the encoder's title model what the pages are
            about, up to 10 million; 0 is no memory. There is none either where the corpus has more pages
            than it may have slots, nor beside a sequence-to-sequence model.

    Raises:
        InvalidInput: a value outside these.
    """

    name = LEG

    def __init__(
        self,
        model: str = "all-MiniLM-L6-v2",
        weights: str = "train",
        start: str = "none",
        objectives: str = "iss,lps,hip",
        seed: int = 0,
        epochs: int = 0,
        pairs: int = 400_000,
        title_tokens: int = 32,
        memory: int = _MEMORY,
    ) -> None:
        self._model = model
        self._weights = _choice("weights", weights, ("train", "none"))
        self._start = _choice("start", start, ("none", "current"))
        if self._start != "none" and self._weights != "train":
            raise InvalidInput(
                f"corpusbrain.start={start} says what a training goes on from, but "
                f"corpusbrain.weights={weights} has none.",
                hint="Leave one of them out.",
                details={"parameter": "start"},
            )
        self._objectives = _objectives(objectives)
        given: dict[str, Option] = {
            "seed": seed,
            "epochs": epochs,
            "pairs": pairs,
            "title_tokens": title_tokens,
            "memory": memory,
        }
        self._seed = integer_option(LEG, given, "seed", default=0, low=0, high=2**31 - 1)
        self._epochs = integer_option(LEG, given, "epochs", default=0, low=0, high=100)
        self._pairs = integer_option(LEG, given, "pairs", default=400_000, low=1000, high=100_000_000)
        self._title_tokens = integer_option(LEG, given, "title_tokens", default=32, low=8, high=128)
        self._memory = integer_option(LEG, given, "memory", default=_MEMORY, low=0, high=10_000_000)

    def model(self) -> str | None:
        """The name of the encoder, or of the sequence-to-sequence model."""
        return self._model

    def files_hash(self) -> str:
        """See `ReadsFiles`: the weights, where they are in a folder of their own."""
        if self._weights in ("train", "none"):
            return ""
        files = weight_files(Path(self._weights))
        if not files:
            raise NotFound(
                f"There is no title model in {self._weights}.",
                hint="Give the folder that `skerry train corpusbrain` left.",
                details={"path": self._weights},
            )
        return digest_files(files)

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Encode passages [start, stop) for the memory, where there will be one.

        Raises:
            IndexCorrupt: a model that cannot be loaded.
        """
        from skerry.retrieval.corpusbrain.memory.shards import encode_shard

        model = _required(model)
        if self._memory_slots(passages):
            self._check_kind(model)
            encode_shard(passages, start, stop, out, model, threads)

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Name the pages, build the tree of their titles, and have the model learn to write them.

        The digest is that of everything that the learning depends on: weights differ by rounding between
        machines, and by how many threads multiplied them.

        Raises:
            InvalidInput: a model that cannot do what the parameters ask for; nothing to learn from.
            IndexNotReady, IndexCorrupt, NotFound: nothing to go on from, or weights of another model.
            Cancelled, DeadlineExceeded: between the steps of the training.
        """
        from skerry.retrieval.corpusbrain.title_tree import build_tree

        model = _required(model)
        self._check_kind(model)
        start = self._kept_start(passages, model, workshop)
        out.mkdir(parents=True, exist_ok=True)
        with workshop.progress.task("page names", passages.page_count, "pages") as task:
            names = names_of(passages, model, self._title_tokens, task)
            build_tree(names, title_tokens(model)[1], out / TREE)
        with naming_full_disk(out):
            self._bring_weights(passages, names, model, start, out, workshop)
            self._remember(passages, shards, model, out, workshop)
            save_pages(out, passages)
        parameters: dict[str, Option] = {
            "model": self._model,
            "weights": self._weights,
            "start": self._start,
            "objectives": self._objectives,
            "seed": self._seed,
            "epochs": self._epochs,
            "pairs": self._pairs,
            "title_tokens": self._title_tokens,
            "memory": self._memory_slots(passages),
        }
        digest = hashlib.sha256(names.offsets.astype("<i8", copy=False).tobytes())
        digest.update(names.tokens.astype("<u4", copy=False).tobytes())
        made_of = [passages.digest(), parameters, self.files_hash(), "" if start is None else start.digest]
        digest.update(json.dumps(made_of, sort_keys=True).encode())
        return BuiltLeg(parameters, digest.hexdigest())

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> CorpusBrainRetriever:
        """The retriever; the title model and the memory are loaded at the first query.

        Raises:
            IndexCorrupt: a file that is missing, damaged, or of other passages or another model.
        """
        from skerry.retrieval.corpusbrain.retriever import CorpusBrainRetriever
        from skerry.retrieval.corpusbrain.title_tree import TitleTree

        model = _required(model)
        path = folder / TREE
        tree = TitleTree.open(path)
        if tree.pages != passages.page_count:
            raise IndexCorrupt(
                f"The title tree {path} has {tree.pages} pages, the passage store {passages.page_count}.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        network = folder / NETWORK if self._weights != "none" else None
        weights = model.weights_hash if network is None else checked_config(network, model).weights_sha256
        memory = folder / MEMORY if self._memory_slots(passages) else None
        if memory is not None:
            remembered = checked_memory(memory, model, tree.pages).weights_sha256
            weights_of_all = hashlib.sha256(f"{weights} {remembered}".encode()).hexdigest()
        else:
            weights_of_all = weights
        return CorpusBrainRetriever(
            tree, passages, lambda: title_model(model, network, weights), weights_of_all, memory
        )

    def _check_kind(self, model: Model) -> None:
        from skerry.retrieval.corpusbrain.model.kind import is_seq2seq

        if is_seq2seq(model.folder) == (self._weights == "none"):
            return
        if self._weights == "none":
            what, hint = "is an encoder, which must learn to write titles", "leave corpusbrain.weights out"
        else:
            what = "is a sequence-to-sequence model, which is not trained here"
            hint = "give corpusbrain.weights=none"
        raise InvalidInput(
            f"The model {model.name} {what}; corpusbrain.weights is {self._weights}.",
            hint=f"For this model {hint}.",
            details={"parameter": "weights"},
        )

    def _memory_slots(self, passages: PassageStore) -> int:
        """The slots that the memory may have; 0 for none."""
        fits = self._weights != "none" and passages.page_count <= self._memory
        return self._memory if fits else 0

    def _remember(
        self, passages: PassageStore, shards: Sequence[Path], model: Model, out: Path, workshop: Workshop
    ) -> None:
        """Leave the memory in `out`, asked as the network beside it was taught by questions."""
        most = self._memory_slots(passages)
        if not most:
            return
        from skerry.retrieval.corpusbrain.memory.build import build_memory
        from skerry.retrieval.corpusbrain.memory.files import save_memory
        from skerry.retrieval.corpusbrain.model.files import load_asking

        memory = build_memory(passages, shards, most, self._seed, workshop)
        asking = load_asking(out / NETWORK, model)
        save_memory(out / MEMORY, model, memory if asking is None else memory.taught(asking))

    def _kept_start(self, passages: PassageStore, model: Model, workshop: Workshop) -> Start | None:
        if self._start == "none":
            return None
        index = workshop.index if self._start == "current" else Path(self._start)
        return kept_start(index, workshop.work, model, passages)

    def _bring_weights(
        self,
        passages: PassageStore,
        names: Names,
        model: Model,
        start: Start | None,
        out: Path,
        workshop: Workshop,
    ) -> None:
        """Leave the network in `out`, where there is one beside the model's own weights."""
        if self._weights == "none":
            return
        if self._weights == "train":
            source = self._learn(passages, names, model, start, out, workshop)
        else:
            source = Path(self._weights)
            checked_config(source, model)
        (out / NETWORK).mkdir()
        for file in weight_files(source):
            link_or_copy(file, out / NETWORK / file.name)

    def _learn(
        self,
        passages: PassageStore,
        names: Names,
        model: Model,
        start: Start | None,
        out: Path,
        workshop: Workshop,
    ) -> Path:
        """The folder of the trained network."""
        from skerry.retrieval.corpusbrain.learning import REPORT, learn
        from skerry.retrieval.corpusbrain.title_tree import TitleTree
        from skerry.retrieval.corpusbrain.training.settings import Settings

        tree = TitleTree.open(out / TREE)
        settings = Settings(epochs=self._epochs, most_pairs=self._pairs, seed=self._seed)
        learnt = learn(passages, names, tree, model, self._objectives, settings, start, workshop)
        link_or_copy(learnt / REPORT, out / REPORT)
        return learnt


def names_of(passages: PassageStore, model: Model, longest: int, task: Task | None = None) -> Names:
    """What the leg calls each page: its title, or its id where that is blank, in at most `longest` tokens.

    Args:
        model: whose tokens these are.
        task: counts pages.
    """
    from skerry.retrieval.corpusbrain.naming import name_pages

    def titles() -> Iterator[str]:
        for page in passages.pages():
            yield page.title if page.title.strip() else page.id
            if task is not None:
                task.advance()

    return name_pages(titles(), title_tokens(model)[0], longest)


def _choice(parameter: str, value: object, words: Sequence[str]) -> str:
    """One of `words`, or a folder; whole, for whoever opens the index, wherever that is."""
    if not isinstance(value, str) or not value:
        raise InvalidInput(
            f"{LEG}.{parameter} must be {', '.join(words)} or a folder; got {value!r}.",
            details={"parameter": parameter},
        )
    return value if value in words else str(Path(value).expanduser().absolute())


def _objectives(value: object) -> str:
    names = value.split(",") if isinstance(value, str) else []
    if not names or len(set(names)) < len(names) or not set(names) <= set(OBJECTIVES):
        raise InvalidInput(
            f"{LEG}.objectives must be one or more of {', '.join(OBJECTIVES)}, with commas; got {value!r}.",
            details={"parameter": "objectives"},
        )
    return ",".join(name for name in OBJECTIVES if name in names)


def _required(model: Model | None) -> Model:
    if model is None:
        raise IndexNotReady("The CorpusBrain leg was called without its model.")
    return model
