"""The parts of an index's SEAL leg, for who measures its steps or scores one decoding in many ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skerry.core.errors import NotFound
from skerry.core.models.adapter_files import Adapter
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal import fm_index
from skerry.retrieval.seal.adapter import chosen_adapter
from skerry.retrieval.seal.decoding import Decoding, DecodingOptions, decode
from skerry.retrieval.seal.fm_index import FmIndex
from skerry.retrieval.seal.leg import INDEX_FILE
from skerry.retrieval.seal.retriever import readable
from skerry.retrieval.seal.scoring import Corpus
from skerry.retrieval.seal.speaker import Speaker, speaker

LEG = "seal"


@dataclass(frozen=True, slots=True)
class SealParts:
    """The language model, the FM-index, and what scoring remembers of it."""

    speaker: Speaker
    index: FmIndex
    corpus: Corpus

    def decode(self, questions: Sequence[str], options: DecodingOptions) -> Decoding:
        """What the leg would decode for the questions, together, in the thread in which it does."""
        model = self.speaker.model
        asked = [readable(text, model, options) for text in questions]
        return self.speaker.thread.submit(decode, model, self.index, asked, options).result()


def open_parts(index: Index, adapter: Adapter | None) -> SealParts:
    """The leg's parts with this adapter; the language model is the one the leg uses, if that is in use.

    Raises:
        IndexNotReady, NotFound, IndexCorrupt: as `Index.files_of`.
    """
    folder, model = index.files_of(LEG)
    assert model is not None
    loaded = speaker(model, adapter, str(index.manifest.legs[LEG].parameters["dtype"]))
    text_index = fm_index.open(folder / INDEX_FILE)
    return SealParts(loaded, text_index, Corpus(text_index, [loaded.model.vocabulary.title_end]))


def adapter_of(index: Index, choice: str | None = None) -> Adapter | None:
    """The adapter that `choice` stands for on the leg's model; the index's own choice where it is None.

    Raises:
        NotFound: "shipped" is asked for, and none is shipped for this model; or no such folder.
    """
    _, model = index.files_of(LEG)
    assert model is not None
    if choice is None:
        return chosen_adapter(str(index.manifest.legs[LEG].parameters["adapter"]), model)
    found = chosen_adapter(choice, model)
    if choice == "shipped" and found is None:
        raise NotFound(
            f"No adapter is shipped for the model {model.name}.",
            hint="Ask for the adapter none, or for the folder of one that `skerry train seal` left.",
        )
    return found
