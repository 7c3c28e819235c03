"""What to build, and the hashes that say whether work done before still fits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.chunking import Chunking
from skerry.retrieval.index.configure import configured_leg, leg_parameters
from skerry.retrieval.index.leg import Leg, ReadsFiles
from skerry.retrieval.index.manifest import FORMAT_VERSION, ModelEntry, canonical_json


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """An index to be built.

    Attributes:
        corpus: file or folder of the corpus.
        format: a reader's name: "kilt", "beir", "jsonl", "text", "pydoc".
        legs: names of the legs.
        parameters: by leg, the parameters that are not to have their defaults.
        on_error: "fail" stops at a bad line, "skip" counts it and goes on.
        shard_passages: passages of one shard, the most that a killed worker loses.
        keep_versions: how many of the newest versions stay after publication.
        force: build although an index of the same specification is in use.
    """

    corpus: Path
    format: str
    legs: tuple[str, ...] = ("bm25", "dense")
    parameters: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    chunking: Chunking = field(default_factory=Chunking)
    on_error: Literal["fail", "skip"] = "fail"
    shard_passages: int = 2000
    keep_versions: int = 2
    force: bool = False

    def __post_init__(self) -> None:
        if not self.legs:
            raise InvalidInput("An index needs at least one leg.", hint="Give --legs bm25, for instance.")
        if len(set(self.legs)) != len(self.legs):
            raise InvalidInput(f"A leg is named twice: {', '.join(self.legs)}.")
        for name in self.parameters:
            if name not in self.legs:
                raise InvalidInput(
                    f"There are parameters for the leg {name!r}, which is not among {', '.join(self.legs)}."
                )
        if self.shard_passages < 1:
            raise InvalidInput(f"A shard cannot have {self.shard_passages} passages.")
        if self.keep_versions < 1:
            raise InvalidInput(f"At least one version is kept, not {self.keep_versions}.")


@dataclass(frozen=True, slots=True)
class LegPlan:
    """One leg of a plan. `settings` are all constructor parameters; `leg` is made from them."""

    name: str
    settings: Mapping[str, Option]
    leg: Leg
    model: Model | None
    key: str

    @property
    def model_entry(self) -> ModelEntry | None:
        """What the manifest keeps of the model."""
        if self.model is None:
            return None
        return ModelEntry(self.model.name, self.model.weights_hash, self.model.tokenizer_hash)


@dataclass(frozen=True, slots=True)
class Plan:
    """A specification with everything resolved that its content depends on.

    Attributes:
        passages_key: hash of what determines the passages and their shards.
        key: hash of the whole.
    """

    spec: BuildSpec
    fingerprint: str
    passages_key: str
    legs: tuple[LegPlan, ...]
    key: str


def make_plan(spec: BuildSpec, fingerprint: str, models: ModelStore) -> Plan:
    """Resolve legs and models of `spec` for the corpus of that fingerprint.

    Raises:
        NotFound: an unknown leg, or a model that is not on this machine.
        InvalidInput: a parameter that a leg does not have or refuses.
    """
    passages_key = _hash(
        {
            "format_version": FORMAT_VERSION,
            "corpus": fingerprint,
            "format": spec.format,
            "on_error": spec.on_error,
            "chunking": asdict(spec.chunking),
            "shard": spec.shard_passages,
        }
    )
    legs = []
    for name in spec.legs:
        settings = leg_parameters(name, spec.parameters.get(name, {}))
        leg = configured_leg(name, settings)
        wanted = leg.model()
        model = None if wanted is None else models.resolve(wanted)
        hashes = None if model is None else [model.weights_hash, model.tokenizer_hash]
        made_of: dict[str, object] = {
            "passages": passages_key,
            "leg": name,
            "settings": settings,
            "model": hashes,
        }
        if isinstance(leg, ReadsFiles):
            made_of["files"] = leg.files_hash()
        key = _hash(made_of)
        legs.append(LegPlan(name, settings, leg, model, key))
    key = _hash({"passages": passages_key, "legs": {leg.name: leg.key for leg in legs}})
    return Plan(spec, fingerprint, passages_key, tuple(legs), key)


def _hash(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
