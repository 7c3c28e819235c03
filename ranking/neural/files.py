"""A trained neural ranker on disk: its weights, how rare words are, and the word vectors that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.core.models.trained_files import CONFIG, BaseConfig, TrainedFiles
from skerry.ranking.calibration import PlattScaling
from skerry.ranking.features.idf import Idf, restore
from skerry.ranking.features.vectors import WordVectors
from skerry.ranking.neural.base import NeuralModel
from skerry.ranking.neural.registry import MODELS

__all__ = ["CONFIG", "WEIGHTS", "NeuralConfig", "load", "load_config", "save"]

WEIGHTS = "ranker.safetensors"
_MODEL = "model."


@dataclass(frozen=True, slots=True)
class NeuralConfig(BaseConfig):
    """What the weights belong to and how they are read. The base model is the word vectors.

    Attributes:
        model: its name in the registry.
        query_terms, document_terms: words that it reads at most.
        options: sizes of its own that are not the usual ones.
        rare_idf: of words that stand in few passages; 0 for a model that does not ask for idf.
        first_stage_weight: of the first stage's order beside the score (see `interpolation.py`).
        calibration: raw score to probability.
    """

    model: str
    query_terms: int
    document_terms: int
    rare_idf: float
    first_stage_weight: float
    calibration: PlattScaling
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Any = self.calibration
        if not isinstance(given, PlattScaling):
            object.__setattr__(self, "calibration", PlattScaling(**given))
        for name in ("query_terms", "document_terms"):
            terms = getattr(self, name)
            if not isinstance(terms, int) or not 1 <= terms <= 10_000:
                raise ValueError(f"{name} is {terms!r}")

    def build(self, width: int) -> NeuralModel:
        """The model with fresh weights, for word vectors of this width."""
        return MODELS.load(self.model)(width, self.query_terms, self.document_terms, **self.options)


_FILES = TrainedFiles("neural ranker", WEIGHTS, NeuralConfig, "Restore it, or train the ranker again.")


def save(folder: Path, config: NeuralConfig, model: NeuralModel, idf: Idf) -> None:
    """Write the weights, float32, and the idf of words that are not rare where the model asks for it."""
    tensors = {f"{_MODEL}{name}": value.float().contiguous() for name, value in model.state_dict().items()}
    _FILES.save(folder, config, tensors | (idf.tensors() if model.fields.idf else {}))


def load_config(folder: Path, name: str) -> NeuralConfig:
    """What lies in `folder` belongs to.

    Raises:
        NotFound: no ranker there.
        IndexCorrupt: a configuration that is damaged or of another format.
        InvalidInput: a ranker of another model than `name`.
    """
    config = _FILES.load_config(folder)
    if config.model != name:
        raise InvalidInput(
            f"The ranker in {folder} is {config.model!r}, not {name!r}.",
            hint=f"Ask for {config.model!r}, or give the folder of another.",
            details={"asked": name, "found": config.model},
        )
    return config


def load(folder: Path, config: NeuralConfig, vectors: WordVectors) -> tuple[NeuralModel, Idf]:
    """The model with its weights, ready to score, and how rare words are.

    Raises:
        IndexCorrupt: files that are damaged or do not belong together.
    """
    tensors: Mapping[str, Tensor] = _FILES.load_tensors(folder, config)
    weights = {n.removeprefix(_MODEL): value for n, value in tensors.items() if n.startswith(_MODEL)}
    try:
        model = config.build(vectors.width)
        model.load_state_dict(weights)
        idf = restore(tensors, config.rare_idf, vectors) if model.fields.idf else Idf.none()
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise _FILES.damaged(folder / WEIGHTS, " ".join(str(error).split())) from error
    return model.eval(), idf
