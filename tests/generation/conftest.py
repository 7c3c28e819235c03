"""A tiny random Llama with a byte-level tokenizer trained on the spot: real parts, nothing downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.models.store import Model, ModelStore
from skerry.generation.base import Source
from skerry.generation.engine import TransformersGenerator

_TEMPLATE = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_TEXT = "The harbour of Skerryvore was lit in 1844 by a lamp that the keepers tended through the night. " * 40


def make_tiny_model(folder: Path, context: int = 1024, layers: int = 3) -> Model:
    """Save a random Llama (3 query heads on 1 KV head) with a tokenizer of about 330 entries."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [_TEXT],
        trainers.BpeTrainer(
            vocab_size=330,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<|endoftext|>",
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _TEMPLATE
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=3,
        num_key_value_heads=1,
        max_position_embeddings=context,
        initializer_range=0.4,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return Model(name="tiny", folder=folder, weights_hash="", tokenizer_hash="")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_generator(tiny_model: Model) -> TransformersGenerator:
    generator = TransformersGenerator(tiny_model, dtype="fp32")
    generator.load()
    return generator


@pytest.fixture(scope="session")
def smol_model() -> Model:
    """SmolLM2-135M-Instruct, or a skip that names the command which fetches it."""
    from skerry.core.errors import NotFound

    try:
        return ModelStore().resolve("SmolLM2-135M-Instruct")
    except NotFound as error:
        pytest.skip(str(error))


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (
        Source(
            "light#0",
            "Skerryvore",
            "Skerryvore is a lighthouse. It was built by Alan Stevenson, and lit in 1844.",
        ),
        Source(
            "bell#0",
            "Bell Rock",
            "The Bell Rock lighthouse was built by Robert Stevenson between 1807 and 1810.",
        ),
    )
