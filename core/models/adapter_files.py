"""A low-rank adapter on disk, its factors in eight bits, and how a leg chooses one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from skerry.core.models import quantised
from skerry.core.models.trained_files import CONFIG, BaseConfig, Config, TrainedFiles

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

__all__ = ["CHOICES", "CONFIG", "WEIGHTS", "Adapter", "AdapterFiles", "BaseConfig"]

WEIGHTS = "adapter.safetensors"
CHOICES = ("shipped", "none")
"""What a leg's parameter `adapter` may say instead of a folder."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's folder, and the digest of its weights."""

    folder: Path
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class AdapterFiles(Generic[Config]):
    """Reads and writes the adapters of one leg.

    Attributes:
        name: what errors call one: "SEAL adapter".
        parameter: the leg's parameter that chooses one: "seal.adapter".
        training: the command that makes one.
        config: what its config.json holds.
    """

    name: str
    parameter: str
    training: str
    config: type[Config]

    def save(self, folder: Path, config: Config, factors: Mapping[str, Tensor]) -> None:
        """Write the adapter, its factors in eight bits: see `quantised.pack`."""
        self._files.save(folder, config, quantised.pack(factors))

    def load_config(self, folder: Path) -> Config:
        """What the adapter in `folder` belongs to. Raises as `TrainedFiles.load_config`."""
        return self._files.load_config(folder)

    def load(self, folder: Path) -> tuple[Config, dict[str, Tensor]]:
        """Configuration and factors by layer, float32, as `core.models.low_rank.merge` takes them.

        Raises:
            NotFound: no adapter there.
            IndexCorrupt: a file that is damaged or of another format.
        """
        config = self.load_config(folder)
        tensors = self._files.load_tensors(folder, config)
        try:
            return config, quantised.unpack(tensors)
        except ValueError as error:
            raise self._files.damaged(folder / WEIGHTS, str(error)) from error

    def check_base(self, folder: Path, config: Config, model: Model, shipped: Path) -> None:
        """Raise `IndexCorrupt`, which names both, where the adapter in `folder` is not for `model`.

        An adapter is for one copy of one model, told by its hashes; the one that comes with Skerry, in the
        folder `shipped`, is for every copy of its catalogue model: copies differ in rounding only (one source
        has four bits a weight, another sixteen).
        """
        if folder == shipped and model.name == config.base_model:
            return
        config.check_base(
            model,
            made=f"The {self.name} in {folder} was trained on",
            hint=f"Give the adapter of this model, or {self.parameter}=none, or train one for this model.",
        )

    def choose(self, choice: str, model: Model, shipped: Path) -> Adapter | None:
        """The adapter that a leg's parameter stands for on this model, or None for the model as it is.

        "shipped" is the one that comes with Skerry, in the folder `shipped`, where there is one and `model`
        is a copy of the model it was trained on; "none" is none; anything else is a folder.

        Raises:
            NotFound: no adapter in that folder.
            IndexCorrupt: a damaged one, or one of another base model; names both.
        """
        if choice == "none":
            return None
        if choice == "shipped":
            if not (shipped / CONFIG).is_file():
                return None
            config = self.load_config(shipped)
            if not config.is_of(model) and model.name != config.base_model:
                return None
            return Adapter(shipped, config.weights_sha256)
        folder = Path(choice).expanduser()
        config = self.load_config(folder)
        self.check_base(folder, config, model, shipped)
        return Adapter(folder, config.weights_sha256)

    @property
    def _files(self) -> TrainedFiles[Config]:
        remedy = f"Restore it, or train the adapter again with `{self.training}`."
        return TrainedFiles(self.name, WEIGHTS, self.config, remedy)
