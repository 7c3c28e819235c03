"""From a model's folder to a title model of its kind."""

from __future__ import annotations

from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.retrieval.corpusbrain.model.base import TitleModel
from skerry.retrieval.corpusbrain.model.kind import is_seq2seq


def open_title_model(
    model: Model, trained: Path | None = None, dtype: str = "auto", threads: int | None = None
) -> TitleModel:
    """The title model in a folder: a sequence-to-sequence model, or an encoder with a trained decoder.

    Args:
        model: the folder.
        trained: folder of what was trained on an encoder (`save_network`); None for a sequence-to-sequence
            model, which has all in its own.
        dtype, threads: see `Seq2SeqTitleModel`; the small model goes by the processor and torch's setting.

    Raises:
        InvalidInput: an encoder without a trained decoder, or a sequence-to-sequence model with one; or see
            `Seq2SeqTitleModel`.
        NotFound, IndexCorrupt: files that are missing, damaged, or of another encoder.
    """
    if is_seq2seq(model.folder):
        from skerry.retrieval.corpusbrain.model.seq2seq import Seq2SeqTitleModel

        if trained is not None:
            raise InvalidInput(
                f"{model.name} is a sequence-to-sequence model, which takes no decoder from {trained}.",
                hint="Name the encoder that the decoder was trained on, or no decoder.",
                details={"model": model.name, "path": str(trained)},
            )
        return Seq2SeqTitleModel(model, dtype, threads)
    if trained is None:
        raise InvalidInput(
            f"The model {model.name} in {model.folder} writes no titles: it is no sequence-to-sequence "
            "model, and no decoder that was trained on it is named.",
            hint="Name one of BART's or T5's kind, or train a decoder.",
            details={"model": model.name, "path": str(model.folder)},
        )
    from skerry.retrieval.corpusbrain.model.files import load_network
    from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
    from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

    return SmallTitleModel(load_network(trained, model), TitleTokenizer.load(model.folder))
