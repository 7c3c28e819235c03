"""A Llama of some kilobytes with a real tokenizer, both learnt on the few texts they will see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

END = "<|im_end|>"
Lesson = tuple[str, str]
"""A prompt, and what the model learns to say to it."""


def write_language_model(
    folder: Path,
    texts: Sequence[str],
    lessons: Sequence[Lesson] = (),
    *,
    seed: int = 0,
    positions: int = 256,
    steps: int = 30,
) -> Path:
    """A transformers folder: two layers, 32 wide, byte-level BPE; the token that ends a text is `END`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([part for text in texts for part in (text, f" {text}")], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)
    folder.mkdir(parents=True)
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        initializer_range=0.1,
        bos_token_id=None,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config)
        if lessons:
            _teach(network, tokenizer, lessons, steps)
    network.save_pretrained(folder)
    return folder


def _teach(network: LlamaForCausalLM, tokenizer: Tokenizer, lessons: Sequence[Lesson], steps: int) -> None:
    ids = [tokenizer.encode(f"{prompt} {answer}{END}").ids for prompt, answer in lessons]
    width = max(map(len, ids))
    rows = torch.tensor([row + [0] * (width - len(row)) for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
    labels = rows.masked_fill(mask == 0, -100)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = network(input_ids=rows, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
