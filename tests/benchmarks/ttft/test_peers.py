"""Which peers are chosen, what they read, and the real ones where they are installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry.benchmarks.ttft.first import First
from skerry.benchmarks.ttft.peer import FullPrefill
from skerry.benchmarks.ttft.peers.check import check_same
from skerry.benchmarks.ttft.peers.gguf_file import write_gguf
from skerry.benchmarks.ttft.peers.kinds import KINDS, Chosen, choose
from skerry.benchmarks.ttft.peers.start import running
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.models.store import Model
from skerry.core.progress import SilentProgress

from ...generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("tied", [False, True])
def test_a_gguf_file_has_the_same_values(tmp_path: Path, dtype: str, tied: bool) -> None:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=70,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        rope_theta=5e4,
        rms_norm_eps=3e-5,
        tie_word_embeddings=tied,
        dtype=dtype,
    )
    weights = LlamaForCausalLM(config).to(getattr(torch, dtype))
    with torch.no_grad():
        for tensor in weights.parameters():
            tensor.normal_(std=0.3)
    write_gguf(weights, tmp_path / "model.gguf")
    read = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=weights.dtype)
    assert read.config.rope_parameters["rope_theta"] == 5e4
    assert read.config.num_key_value_heads == 2
    theirs = read.state_dict()
    for name, value in weights.state_dict().items():
        assert torch.equal(theirs[name], value), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "qwen2"}, "qwen2"),
        ({"attention_bias": True}, "biases"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "yarn"),
    ],
)
def test_models_that_are_not_written(tmp_path: Path, tiny: Model, change: dict[str, Any], said: str) -> None:
    import torch

    weights = FullPrefill(tiny, torch.float32).weights
    for name, value in change.items():
        setattr(weights.config, name, value)
    with pytest.raises(InvalidInput, match=said):
        write_gguf(weights, tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


def test_bad_choices(tmp_path: Path) -> None:
    assert choose([]) == []
    for texts, said in (
        (["lama"], "no peer 'lama'.*llama-cpp"),
        ([""], "no peer"),
        ([f"llama-cpp={tmp_path}/python"], "no Python that runs"),
        ([f"llama-cpp={tmp_path}"], "no Python that runs"),
    ):
        with pytest.raises(InvalidInput, match=said):
            choose(texts)


def test_a_peer_that_is_missing_or_named_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    for name, kind in KINDS.items():
        monkeypatch.setitem(KINDS, name, dataclasses.replace(kind, module="nothing_of_that_name"))
        with pytest.raises(BackendUnavailable, match=f"not installed.*-m pip install {kind.install}"):
            choose([name])
        monkeypatch.setitem(KINDS, name, dataclasses.replace(kind, module="json"))
        assert choose([name]) == [Chosen(name, sys.executable)]
        with pytest.raises(InvalidInput, match="twice"):
            choose([name, f"{name}={sys.executable}"])


class _Says:
    name, version = "engine", "1"

    def __init__(self, *tokens: int) -> None:
        self._tokens = tokens

    def first_token(self, prompt: list[int]) -> First:
        return First(0.1, self._tokens[prompt[0]])


def test_a_peer_must_agree_mostly() -> None:
    right, prompts = _Says(1, 2, 3, 4), [[0], [1], [2], [3]]
    check_same(right, [], prompts)
    check_same(right, [_Says(1, 2, 3, 9)], prompts)
    with pytest.raises(BackendUnavailable, match="begins 2 of 4 answers"):
        check_same(right, [_Says(1, 2, 3, 4), _Says(1, 2, 9, 9)], prompts)


@pytest.mark.parametrize("name", KINDS)
def test_the_real_peer(tiny: Model, name: str) -> None:
    """The Python in `$SKERRY_PEER_NAME`, else the running one; float32, so that rounding decides nothing."""
    import torch

    variable = "SKERRY_PEER_" + name.upper().replace("-", "_")
    python = os.environ.get(variable)
    try:
        chosen = choose([f"{name}={python}" if python else name])
    except BackendUnavailable as error:
        pytest.skip(f"{error} Or set {variable} to a Python that has it.")
    full = FullPrefill(tiny, torch.float32)
    prompts = [torch.randint(0, 300, (n,)).tolist() for n in (1, 40, 700, 40)]
    with running(chosen, tiny, full.weights, 1, 701, SilentProgress()) as [peer]:
        for prompt in (*prompts, prompts[2]):
            assert peer.first_token(prompt).token == full.first_token(prompt).token
