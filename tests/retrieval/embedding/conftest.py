"""Small random encoders, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.core.models.store import Model

WIDTH, LAYERS = 32, 4
WORDS = "the lighthouse keeper lit lamp at dusk who kept light granite ferry crossed reef fog bell rang"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """A model of transformers' named type ("bert", "mpnet", "roberta-prelayernorm"), of 4 layers, 32 wide."""
    made: dict[str, Model] = {}

    def make(kind: str) -> Model:
        if kind not in made:
            made[kind] = _write(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return make


def _write(kind: str, folder: Path) -> Model:
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoConfig, AutoModel

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate([*marks, *WORDS.split()])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(7)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=80,
        pad_token_id=0,
        initializer_range=0.3,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    return Model(str(folder), folder, f"weights of {kind}", "words")
