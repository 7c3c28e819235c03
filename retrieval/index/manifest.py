"""What an index version says about itself: one small JSON file, written last and checked first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.base import Option

FORMAT_VERSION = 2
"""Raised when files or passages are laid out or made in another way, so that no older work is used again."""
MANIFEST = "manifest.json"


def canonical_json(value: object) -> bytes:
    """The one serialisation that hashes are taken over: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a version; `size` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """Where the passages came from. `digest` is the passage store's own digest of its content."""

    format: str
    name: str
    fingerprint: str
    pages: int
    passages: int
    digest: str
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """The model that a leg was built with."""

    name: str
    weights_hash: str
    tokenizer_hash: str


@dataclass(frozen=True, slots=True)
class LegEntry:
    """One leg as it was built. `key` is the hash of everything that determines its content."""

    parameters: Mapping[str, Option]
    digest: str
    key: str
    model: ModelEntry | None = None


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """How the version came about; informative only, no part of any hash.

    Attributes:
        seconds: by stage, of the run that finished it (stages that were finished before count 0).
        peak_memory: bytes; the largest sum over a stage of the peak resident memory of its processes, which
            is never below the true peak of the whole.
        built, reused: shards by stage that this run made, or found finished.
    """

    engine: str = ""
    workers: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory: int = 0
    built: Mapping[str, int] = field(default_factory=dict)
    reused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything needed to open a version and to know that it is whole.

    Attributes:
        created: UTC, ISO 8601.
        spec: hash of the build's whole specification; two versions with the same one are interchangeable.
        passages_key: hash of everything that determines the passages.
        files: by path relative to the version's folder, with "/" between names.
        result_hash: over the passages' digest and each leg's digest, parameters and model hashes.
    """

    version: str
    created: str
    skerry: str
    spec: str
    passages_key: str
    corpus: CorpusEntry
    chunking: Mapping[str, Option]
    legs: Mapping[str, LegEntry]
    files: Mapping[str, FileEntry]
    result_hash: str
    build: BuildFacts = BuildFacts()
    format_version: int = FORMAT_VERSION

    @property
    def size(self) -> int:
        """Bytes of all files, without the manifest."""
        return sum(entry.size for entry in self.files.values())

    def to_bytes(self) -> bytes:
        """JSON for people and programs, with a checksum over itself."""
        body = asdict(self)
        body["checksum"] = hashlib.sha256(canonical_json(body)).hexdigest()
        return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes, where: Path) -> Manifest:
        """The manifest in `data`; `where` is named in errors.

        Raises:
            IndexCorrupt: not a manifest, of another format version, or not byte for byte as it was written.
        """
        try:
            body = json.loads(data.decode("ascii"))
            found = body["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(where, "it is not a manifest") from error
        if found != FORMAT_VERSION:
            raise IndexCorrupt(
                f"{where} has format version {found}; this Skerry reads version {FORMAT_VERSION}.",
                hint="Build the index again, or use the Skerry that built it.",
                details={"file": str(where)},
            )
        body.pop("checksum", None)
        try:
            manifest = _from_json(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(where, "a field is missing or of the wrong type") from error
        if manifest.to_bytes() != data:
            raise _damaged(where, "its checksum does not match its content")
        return manifest

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest in the file `path`.

        Raises:
            IndexCorrupt: see `from_bytes`; also when the file is missing.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise _damaged(path, "it is missing") from error
        return cls.from_bytes(data, path)


def result_hash(passages_digest: str, legs: Mapping[str, LegEntry]) -> str:
    """Hex hash of what an index holds, however often its build was killed and resumed."""
    content = {
        "passages": passages_digest,
        "legs": {
            name: {
                "digest": leg.digest,
                "parameters": dict(leg.parameters),
                "model": None if leg.model is None else [leg.model.weights_hash, leg.model.tokenizer_hash],
            }
            for name, leg in legs.items()
        },
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _damaged(where: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"{where} is damaged: {why}.",
        hint="Activate another version (`skerry index versions DIR`), or build the index again.",
        details={"file": str(where)},
    )


def _from_json(body: dict[str, Any]) -> Manifest:
    legs = {
        name: LegEntry(**{**leg, "model": None if leg["model"] is None else ModelEntry(**leg["model"])})
        for name, leg in body.pop("legs").items()
    }
    files = {name: FileEntry(**entry) for name, entry in body.pop("files").items()}
    corpus = CorpusEntry(**body.pop("corpus"))
    build = BuildFacts(**body.pop("build"))
    return Manifest(legs=legs, files=files, corpus=corpus, build=build, **body)
