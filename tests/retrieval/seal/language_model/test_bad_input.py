"""What cannot be read is refused, with the numbers that say why."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.seal.language_model import load
from skerry.retrieval.seal.language_model.causal import CausalNetwork
from skerry.retrieval.seal.language_model.llama import LlamaNetwork
from skerry.retrieval.seal.language_model.model import TreeLanguageModel
from skerry.retrieval.seal.language_model.seq2seq import Seq2SeqNetwork
from skerry.retrieval.seal.language_model.trial import check_tree
from skerry.retrieval.seal.vocabulary import Vocabulary

from . import tiny
from .conftest import Case


def test_prompts(case: Case) -> None:
    model = case.model
    model.start([[5] * model.context])
    with pytest.raises(InvalidInput, match=f"has {model.context + 1} tokens.*at most {model.context}"):
        model.start([[5], [5] * (model.context + 1)])
    with pytest.raises(InvalidInput, match="Prompt 1 is empty"):
        model.start([[5], []])
    with pytest.raises(InvalidInput, match="no prompt"):
        model.start([])
    for token in (-1, model.logits):
        with pytest.raises(InvalidInput, match=f"no token {token}"):
            model.start([[5, token]])


def test_steps(case: Case) -> None:
    model = case.model
    state = model.start([[5], [6]])
    for row in (-1, 2):
        with pytest.raises(InvalidInput, match=f"no row {row}: they are numbered from 0 to 1"):
            model.next_log_probs(state, np.array([row]), np.array([5]))
    with pytest.raises(InvalidInput, match=f"no token {model.logits}"):
        model.next_log_probs(state, np.array([0]), np.array([model.logits]))
    with pytest.raises(InvalidInput, match="equally long"):
        model.next_log_probs(state, np.array([0, 1]), np.array([5]))
    with pytest.raises(InvalidInput, match="no state of this model"):
        model.next_log_probs(state.log_probs, np.array([0]), np.array([5]))


def test_the_context_ends(case: Case) -> None:
    """A causal model's context holds prompt and continuation, a decoder's the continuation."""
    model = case.model
    state = model.start([[5] * (model.context - 1), [6]])
    zero = np.array([0])
    if case.kind in ("bart", "t5"):
        long = [[7] * tiny.CONTEXT]
        with pytest.raises(InvalidInput, match=f"context of {tiny.CONTEXT}"):
            model.sequence_log_probs(state, zero, [long[0] * 2])
        return
    state = model.next_log_probs(state, zero, np.array([7]))
    with pytest.raises(InvalidInput, match=f"{tiny.CONTEXT + 1} tokens.*context of {tiny.CONTEXT}"):
        model.next_log_probs(state, zero, np.array([7]))


def test_sequences(case: Case) -> None:
    model = case.model
    with pytest.raises(InvalidInput, match="no prompt 2"):
        model.sequence_log_probs([[5], [6]], np.array([2]), [[5, 6]])
    with pytest.raises(InvalidInput, match="as many prompts"):
        model.sequence_log_probs([[5], [6]], np.array([0]), [[5, 6], [7]])
    with pytest.raises(InvalidInput, match=f"no token {model.logits}"):
        model.sequence_log_probs([[5]], np.array([0]), [[5, model.logits]])
    with pytest.raises(InvalidInput, match="no state of this model"):
        model.sequence_log_probs(3, np.array([0]), [[5]])


def test_kinds_of_models(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    config = transformers.BertConfig(
        vocab_size=tiny.VOCABULARY,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    transformers.BertModel(config).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    with pytest.raises(InvalidInput, match="BertModel: neither a causal nor a sequence-to-sequence"):
        load(ModelStore(tmp_path).resolve(str(folder)))


def test_more_tokens_than_logits(folders: dict[str, Model], tmp_path: Path) -> None:
    vocabulary = Vocabulary.load(folders["llama"])
    vocabulary.size = tiny.VOCABULARY + 1
    network = LlamaNetwork(tiny.weights("llama"), torch.float32)
    with pytest.raises(InvalidInput, match=f"{tiny.VOCABULARY + 1} tokens.*only {tiny.VOCABULARY} logits"):
        TreeLanguageModel(vocabulary, network)


def test_models_that_cannot_share_a_prompt() -> None:
    """Recurrent models take no positions; models with distances by order of keys fail the trial."""
    mamba = transformers.MambaForCausalLM(
        transformers.MambaConfig(vocab_size=300, hidden_size=16, num_hidden_layers=1)
    )
    with pytest.raises(InvalidInput, match="MambaForCausalLM takes no positions"):
        CausalNetwork(mamba)
    alibi = transformers.FalconForCausalLM(
        transformers.FalconConfig(
            vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, alibi=True
        )
    )
    with pytest.raises(InvalidInput, match="cannot share a prompt"):
        check_tree(CausalNetwork(alibi.eval()))
    umt5 = transformers.UMT5ForConditionalGeneration(
        transformers.UMT5Config(
            vocab_size=300, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=4, decoder_start_token_id=0
        )
    )
    with pytest.raises(InvalidInput, match="cannot share a prompt"):
        check_tree(Seq2SeqNetwork(umt5.eval()))


def test_the_trial_finds_wrong_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(CausalNetwork):
        def forward(self, step, cache, keep):
            step.positions.zero_()
            return super().forward(step, cache, keep)

    check_tree(CausalNetwork(tiny.weights("gpt2")))
    with pytest.raises(InvalidInput, match=r"cannot share a prompt.*off by"):
        check_tree(Deaf(tiny.weights("gpt2")))


def test_no_decoder_start(folders: dict[str, Model]) -> None:
    weights = tiny.weights("t5")
    weights.config.decoder_start_token_id = weights.generation_config.decoder_start_token_id = None
    with pytest.raises(InvalidInput, match="decoder_start_token_id"):
        Seq2SeqNetwork(weights)


def test_damaged_files(folders: dict[str, Model], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders["llama"].folder, tmp_path / "cut"))
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(IndexCorrupt, match="cannot be loaded"):
        load(ModelStore(tmp_path).resolve(str(folder)))


def test_an_unknown_dtype(folders: dict[str, Model]) -> None:
    with pytest.raises(InvalidInput, match="fp16"):
        load(folders["llama"], dtype="fp16")
