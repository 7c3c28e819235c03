"""What was trained on a base model, on disk: config.json says on which, the tensors lie beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file, write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

_FORMAT = 1
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class BaseConfig:
    """What everything that is trained on a base model belongs to.

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

    def check_base(self, model: Model, made: str, hint: str) -> None:
        """Raise `IndexCorrupt`, which names both, unless `model` is that copy: see `Model.check_is`."""
        model.check_is(self.base_model, self.base_weights_hash, self.base_tokenizer_hash, made, hint)


Config = TypeVar("Config", bound=BaseConfig)


@dataclass(frozen=True, slots=True)
class TrainedFiles(Generic[Config]):
    """Reads and writes one kind of what is trained.

    Attributes:
        name: what errors call one: "SEAL adapter".
        weights: name of the file of its tensors.
        config: what its config.json holds; raises ValueError or TypeError for values it cannot have.
        remedy: what to do about a damaged one, a sentence.
    """

    name: str
    weights: str
    config: type[Config]
    remedy: str

    def save(self, folder: Path, config: Config, tensors: Mapping[str, Tensor]) -> None:
        """Write the tensors, and the configuration with their checksum."""
        from safetensors.torch import save as to_bytes

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.weights
        write_atomically(path, to_bytes(dict(tensors)))
        fields = asdict(config) | {"format": _FORMAT, "weights_sha256": sha256_file(path)}
        write_atomically(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n")

    def load_config(self, folder: Path) -> Config:
        """What lies in `folder` belongs to.

        Raises:
            NotFound: there is none.
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
                raise self.damaged(path, f"it is of another format than {_FORMAT}")
            return self.config(**fields)
        except KeyError as error:
            raise self.damaged(path, f"the key {error} is missing") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise self.damaged(path, str(error)) from error

    def load_tensors(self, folder: Path, config: Config) -> dict[str, Tensor]:
        """The tensors in `folder`, whose configuration was read.

        Raises:
            IndexCorrupt: a file that is missing, damaged or another than the configuration says.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = folder / self.weights
        if not path.is_file():
            raise self.damaged(path, "it is missing")
        if sha256_file(path) != config.weights_sha256:
            raise self.damaged(path, f"its checksum is not the one in {CONFIG}")
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except SafetensorError as error:
            raise self.damaged(path, str(error)) from error
        return tensors

    def damaged(self, path: Path, why: str) -> IndexCorrupt:
        """The error that says so of one of the files."""
        return IndexCorrupt(
            f"The {self.name}'s file {path} cannot be used: {why}.",
            hint=self.remedy,
            details={"file": str(path)},
        )
