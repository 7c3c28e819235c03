"""A low-rank adapter on disk: config.json says which model it belongs to, its factors lie beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file, write_atomically
from skerry.core.models import quantised

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

_FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "adapter.safetensors"
CHOICES = ("shipped", "none")
"""What a leg's parameter `adapter` may say instead of a folder."""


@dataclass(frozen=True, slots=True)
class BaseConfig:
    """What every adapter belongs to.

    Attributes:
        base_model, base_weights_hash, base_tokenizer_hash: the model it was trained on.
        weights_sha256: of the weights file.
    """

    base_model: str
    base_weights_hash: str
    base_tokenizer_hash: str
    weights_sha256: str = field(default="", kw_only=True)

    def is_of(self, model: Model) -> bool:
        """Whether this very copy of the model is the one that it was trained on."""
        return (self.base_weights_hash, self.base_tokenizer_hash) == (
            model.weights_hash,
            model.tokenizer_hash,
        )


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's folder, and the digest of its weights."""

    folder: Path
    weights_sha256: str


Config = TypeVar("Config", bound=BaseConfig)


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
        from safetensors.torch import save as to_bytes

        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / WEIGHTS, to_bytes(quantised.pack(factors)))
        fields = asdict(config) | {"format": _FORMAT, "weights_sha256": sha256_file(folder / WEIGHTS)}
        write_atomically(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n")

    def load_config(self, folder: Path) -> Config:
        """What the adapter in `folder` belongs to.

        Raises:
            NotFound: no adapter there.
            IndexCorrupt: a configuration that is damaged or of another format.
        """
        path = folder / CONFIG
        if not path.is_file():
            raise NotFound(
                f"There is no {self.name} in {folder}: {CONFIG} is missing.", details={"path": str(folder)}
            )
        try:
            fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if fields.pop("format") != _FORMAT:
                raise self._damaged(path, f"it is of another format than {_FORMAT}")
            return self.config(**fields)
        except KeyError as error:
            raise self._damaged(path, f"the key {error} is missing") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise self._damaged(path, str(error)) from error

    def load(self, folder: Path) -> tuple[Config, dict[str, Tensor]]:
        """Configuration and factors by layer, float32, as `core.models.low_rank.merge` takes them.

        Raises:
            NotFound: no adapter there.
            IndexCorrupt: a file that is damaged or of another format.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        config = self.load_config(folder)
        path = folder / WEIGHTS
        if not path.is_file():
            raise self._damaged(path, "it is missing")
        if sha256_file(path) != config.weights_sha256:
            raise self._damaged(path, "its checksum is not the one in config.json")
        try:
            return config, quantised.unpack(load_file(path))
        except (SafetensorError, ValueError) as error:
            raise self._damaged(path, str(error)) from error

    def check_base(self, folder: Path, config: Config, model: Model, shipped: Path) -> None:
        """Raise `IndexCorrupt`, which names both, where the adapter in `folder` is not for `model`.

        An adapter is for one copy of one model, told by its hashes; the one that comes with Skerry, in the
        folder `shipped`, is for every copy of its catalogue model: copies differ in rounding only (one source
        has four bits a weight, another sixteen).
        """
        if folder == shipped and model.name == config.base_model:
            return
        model.check_is(
            config.base_model,
            config.base_weights_hash,
            config.base_tokenizer_hash,
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

    def _damaged(self, path: Path, why: str) -> IndexCorrupt:
        return IndexCorrupt(
            f"The {self.name}'s file {path} cannot be used: {why}.",
            hint=f"Restore it, or train the adapter again with `{self.training}`.",
            details={"file": str(path)},
        )
