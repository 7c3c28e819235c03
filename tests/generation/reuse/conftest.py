"""Small random models of several families, and a store that is a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from skerry.core.models.store import Model
from skerry.generation.cache.passage_kv import Found, PassageKV, StoreKey
from skerry.generation.model import LoadedModel

from ..conftest import make_tiny_model  # noqa: TID252 -- the room's model

KINDS = ("llama", "llama3-rope", "qwen3", "phi")


class Shelf:
    """Keeps everything; `asked` and `kept` are the names of both."""

    def __init__(self) -> None:
        self.values: dict[StoreKey, PassageKV] = {}
        self.asked: list[StoreKey] = []

    def get_many(self, keys: Sequence[StoreKey]) -> list[Found | None]:
        self.asked += keys
        return [Found(self.values[key], "memory") if key in self.values else None for key in keys]

    def put_many(self, items: Sequence[tuple[StoreKey, PassageKV]]) -> None:
        self.values.update(items)


def make_model(folder: Path, kind: str, context: int = 1024) -> Model:
    """The tokenizer of `make_tiny_model` with a random model of another family."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    model = make_tiny_model(folder, context)
    if kind == "llama":
        return model
    size = AutoConfig.from_pretrained(folder).vocab_size
    common = {
        "vocab_size": size,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "initializer_range": 0.4,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    of_kind = {
        "llama3-rope": (
            "llama",
            {
                "rope_parameters": {
                    "rope_type": "llama3",
                    "rope_theta": 10000.0,
                    "factor": 4.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 256,
                }
            },
        ),
        "yarn": (
            "llama",
            {
                "rope_parameters": {
                    "rope_type": "yarn",
                    "rope_theta": 10000.0,
                    "factor": 4.0,
                    "original_max_position_embeddings": 256,
                }
            },
        ),
        "dynamic": (
            "llama",
            {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}},
        ),
        "qwen3": ("qwen3", {"head_dim": 16}),
        "phi": (
            "phi",
            {
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 10000.0,
                    "partial_rotary_factor": 0.5,
                }
            },
        ),
        "mistral": ("mistral", {"sliding_window": 64}),
        "gemma3": ("gemma3_text", {"sliding_window": 64, "head_dim": 16}),
        "gpt2": ("gpt2", {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": context}),
    }
    name, more = of_kind[kind]
    torch.manual_seed(7)
    config = AutoConfig.for_model(
        name, **(more | ({"vocab_size": size} if kind == "gpt2" else common | more))
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return model


@pytest.fixture(scope="session", params=KINDS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """In float32."""
    folder = tmp_path_factory.mktemp(request.param)
    return LoadedModel(make_model(folder, request.param), "fp32")
