"""GGUF (quantised weights of a language model) to a safetensors folder in bfloat16.

Reading GGUF takes ten seconds and more at each start and keeps the tokenizer inside the weight file; the
plain folder loads in two. Quantised values are expanded to float32 and rounded to bfloat16, whose eight bits
of mantissa hold all that a four-bit weight knows.
"""

from __future__ import annotations

import json
import struct
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.core.models.convert.writing import writing_tensors


def convert(raw: Path, out: Path) -> None:
    """Write weights, configuration, tokenizer and chat template of the first `*.gguf` in `raw` to `out`.

    Raises:
        InvalidInput: the file is not a GGUF file of a known architecture, or it is damaged.
        BackendUnavailable: the disk is full.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = next(iter(sorted(raw.glob("*.gguf"))))
    try:
        with redirect_stderr(StringIO()):  # a bar of its own, which would cross ours
            tokenizer = AutoTokenizer.from_pretrained(str(raw), gguf_file=file.name)
            model = AutoModelForCausalLM.from_pretrained(str(raw), gguf_file=file.name, dtype=torch.float32)
    except (ValueError, KeyError, IndexError, OSError, struct.error) as error:
        raise InvalidInput(f"{file} cannot be read as GGUF: {error}.", details={"path": str(file)}) from error
    with naming_full_disk(out):
        tokenizer.save_pretrained(str(out))
        _write_configs(model, out)
    tied = bool(model.config.tie_word_embeddings)
    weights = {
        name: value.to(torch.bfloat16).contiguous()
        for name, value in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    path = out / "model.safetensors"
    with writing_tensors(path):
        save_file(weights, str(path), metadata={"format": "pt"})


def _write_configs(model: object, out: Path) -> None:
    """config.json and generation_config.json, without traces of the quantised file or of library versions."""
    config = model.config.to_dict()  # type: ignore[attr-defined]
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path", "transformers_version"):
        config.pop(name, None)
    config.update(architectures=[type(model).__name__], dtype="bfloat16")
    ends = {
        name: config[name]
        for name in ("bos_token_id", "eos_token_id", "pad_token_id")
        if config.get(name) is not None
    }
    for name, content in (("config.json", config), ("generation_config.json", ends)):
        (out / name).write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
