"""Which kind of model a folder holds, by its config.json."""

from __future__ import annotations

import json
from pathlib import Path

from skerry.core.errors import IndexCorrupt
from skerry.core.importing import import_whole


def is_seq2seq(folder: Path) -> bool:
    """Whether a transformers folder holds a sequence-to-sequence language model.

    Raises:
        IndexCorrupt: no config.json, or a damaged one.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind, architectures = config.get("model_type"), config.get("architectures") or []
    except (OSError, ValueError, AttributeError) as error:
        raise IndexCorrupt(
            f"{path} cannot be read: {error}.",
            hint="CorpusBrain needs a model's transformers folder; fetch or save it again.",
            details={"path": str(path)},
        ) from error
    names = import_whole("transformers.models.auto.modeling_auto")
    return names.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.get(kind) in architectures
