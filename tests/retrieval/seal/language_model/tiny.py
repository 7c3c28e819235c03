"""Tiny models with random weights and a tokenizer trained on a few sentences, as folders on disk."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

SENTENCES = (
    "The lighthouse of Skerry was built in 1844 on a rock in the sea.",
    "Question: who built the lighthouse? Passage: Alan Stevenson built it.",
    "Title: Lighthouse. The keeper of the light lived there with his family until 1954.",
)
VOCABULARY = 300
CONTEXT = 64


def tokenizer(frame: str | None = None) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of 300 tokens; `frame` is the template that special tokens are added by."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(SENTENCES, trainer)
    if frame is not None:
        raw.post_processor = TemplateProcessing(single=frame, special_tokens=[("<s>", 1), ("</s>", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def _llama(**changes: object) -> transformers.PreTrainedModel:
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=48,
            intermediate_size=80,
            num_hidden_layers=3,
            num_attention_heads=6,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            **changes,
        )
    )


def _qwen2() -> transformers.PreTrainedModel:
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=VOCABULARY + 20,  # padded, as these models come
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _gpt2() -> transformers.PreTrainedModel:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=CONTEXT,
            n_embd=32,
            n_layer=2,
            n_head=4,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _bart() -> transformers.PreTrainedModel:
    return transformers.BartForConditionalGeneration(
        transformers.BartConfig(
            vocab_size=VOCABULARY,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=48,
            decoder_ffn_dim=48,
            max_position_embeddings=CONTEXT,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
        )
    )


def _t5() -> transformers.PreTrainedModel:
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=VOCABULARY,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            relative_attention_num_buckets=8,
            relative_attention_max_distance=12,
            n_positions=CONTEXT,
            pad_token_id=0,
            eos_token_id=2,
            decoder_start_token_id=0,
        )
    )


MODELS = {
    "llama": (_llama, None),
    "llama-biased": (lambda: _llama(attention_bias=True, mlp_bias=True), "<s> $A"),
    "qwen2": (_qwen2, None),
    "gpt2": (_gpt2, None),
    "bart": (_bart, "<s> $A </s>"),
    "t5": (_t5, "$A </s>"),
}
"""Kind -> how its weights are made, and the special tokens that its tokenizer adds."""


def weights(kind: str) -> transformers.PreTrainedModel:
    """The model, float32, its weights spread widely enough that every hypothesis differs from every other."""
    make, _ = MODELS[kind]
    torch.manual_seed(7)
    model = make().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * torch.randn(parameter.shape) if "norm" in name else parameter)
            else:
                scale = 1.0 if "embed" in name or "shared" in name else 2.0 / parameter.shape[-1] ** 0.5
                parameter.copy_(torch.randn(parameter.shape) * scale)
    return model


def write(kind: str, folder: Path) -> Path:
    """A folder with the model and its tokenizer."""
    weights(kind).save_pretrained(folder)
    tokenizer(MODELS[kind][1]).save_pretrained(folder)
    if kind == "bart":  # as the published folders have it
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"forced_bos_token_id": 1}))
    return folder
