"""The title model of a leg: its tokens when the index is built, and itself when it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.models.store import Model
from skerry.retrieval.shared_model import SharedModel, SharedModels

if TYPE_CHECKING:
    from skerry.retrieval.corpusbrain.model.base import TitleModel
    from skerry.retrieval.corpusbrain.naming import Encode

_models: SharedModels[tuple[Model, str], TitleModel] = SharedModels("title-model")


def title_tokens(base: Model) -> tuple[Encode, int]:
    """The tokens of titles, and the token that ends one.

    Args:
        base: an encoder, or a sequence-to-sequence model.

    Raises:
        InvalidInput: a model that cannot write titles.
        IndexCorrupt: damaged files.
    """
    from skerry.retrieval.corpusbrain.model.kind import is_seq2seq

    if is_seq2seq(base.folder):
        from skerry.retrieval.seal.vocabulary import Vocabulary

        vocabulary = Vocabulary.load(base)
        return lambda titles: [vocabulary.encode(title) for title in titles], vocabulary.title_end
    from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

    tokenizer = TitleTokenizer.load(base.folder)
    return tokenizer.encode_titles, tokenizer.end


def title_model(base: Model, network: Path | None, weights_sha256: str) -> SharedModel[TitleModel]:
    """The loaded model; the same object for as long as anyone holds it.

    Args:
        base: an encoder, or a sequence-to-sequence model.
        network: folder of what was trained on the encoder; None for a sequence-to-sequence model.
        weights_sha256: which weights are in it.

    Raises:
        NotFound, IndexCorrupt: a network that is not there, is damaged, or belongs to another encoder.
    """

    def load() -> TitleModel:
        from skerry.retrieval.corpusbrain.model.opening import open_title_model

        return open_title_model(base, network)

    return _models.get((base, weights_sha256), load)
