"""A folder that is safetensors already: its files are copied, nothing else is."""

from __future__ import annotations

import shutil
from pathlib import Path

from skerry.core.files import naming_full_disk

KEPT = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "README.md",
)


def convert(raw: Path, out: Path) -> None:
    """Copy the files that a transformers (or word-vector) folder needs from `raw` to `out`."""
    for pattern in KEPT:
        for path in raw.glob(pattern):
            target = out / path.relative_to(raw)
            target.parent.mkdir(exist_ok=True)
            with naming_full_disk(out):
                shutil.copyfile(path, target)
