"""The digests that name a model's weights and tokenizer in manifests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from skerry.core.files import sha256_file

_TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


def weight_files(folder: Path) -> list[Path]:
    """The files that decide what the model computes: safetensors and config.json, by name."""
    return sorted([*folder.glob("*.safetensors"), *folder.glob("config.json")])


def tokenizer_files(folder: Path) -> list[Path]:
    """The files that decide how text becomes numbers, by name."""
    return [folder / name for name in _TOKENIZER_FILES if (folder / name).is_file()]


def digest_files(files: Iterable[Path]) -> str:
    """Hex SHA-256 over the names and digests of `files`, in the order given."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.name}\0{sha256_file(path)}\n".encode())
    return whole.hexdigest()
