"""From a model's folder to the fastest language model that computes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry.core.device import best_device
from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.importing import import_whole
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.retrieval.seal import adapter as adapters
from skerry.retrieval.seal.vocabulary import Vocabulary

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel
    from skerry.retrieval.seal.language_model.network import Network


def load(
    model: Model, adapter: Path | None = None, dtype: str = "auto", threads: int | None = None
) -> LanguageModel:
    """The language model in a folder: causal or sequence-to-sequence, as its config.json says.

    Args:
        model: the folder; a fully fine-tuned model is one like any other.
        adapter: a folder with low-rank factors (`skerry train seal`), which are added to the weights.
        dtype: "bf16", "fp32", or "auto": bf16 where the processor multiplies it natively.
        threads: how many a call uses; by default what torch is set to in the calling thread.

    Raises:
        InvalidInput: a model of another kind, or an unknown dtype.
        NotFound: no adapter in its folder.
        IndexCorrupt: damaged files, or an adapter that was trained on another model.
    """
    import torch

    device = best_device()
    chosen = torch_dtype(dtype, device)
    factors = None if adapter is None else _factors(adapter, model)
    from skerry.core.models import low_rank
    from skerry.retrieval.seal.language_model.model import TreeLanguageModel

    vocabulary = Vocabulary.load(model)
    # An adapter is added to the weights as they were stored, so that the sum is rounded once.
    weights = _weights(model, chosen if factors is None or chosen == torch.float32 else "auto")
    if factors is not None:
        low_rank.merge(weights.base_model, factors)
    network = _network(model, weights.to(device), chosen)
    return TreeLanguageModel(vocabulary, network, threads)


def _factors(folder: Path, model: Model) -> dict[str, Any]:
    config, factors = adapters.load(folder)
    adapters.check_base(folder, config, model)
    return factors


def _weights(model: Model, dtype: Any) -> Any:
    """transformers' model of the folder."""
    transformers = import_whole("transformers")
    from safetensors import SafetensorError
    from transformers.models.auto import modeling_auto

    kinds = (
        (transformers.AutoModelForSeq2SeqLM, modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
        (transformers.AutoModelForCausalLM, modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    )
    try:
        config = transformers.AutoConfig.from_pretrained(model.folder, local_files_only=True)
        architectures = config.architectures or []
        for loader, names in kinds:
            if names.get(config.model_type) in architectures:
                return load_weights(loader, model.folder, dtype=dtype).eval()
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise IndexCorrupt(
            f"The model {model.name} in {model.folder} cannot be loaded: {error}.",
            hint="Fetch or save it again.",
            details={"model": model.name, "path": str(model.folder)},
        ) from error
    raise InvalidInput(
        f"The model {model.name} in {model.folder} is a {' or '.join(architectures) or config.model_type}: "
        "neither a causal nor a sequence-to-sequence language model.",
        hint="SEAL needs one that generates text, such as SmolLM2, GPT-2, BART or T5.",
        details={"model": model.name, "path": str(model.folder)},
    )


def _network(model: Model, weights: Any, dtype: Any) -> Network:
    """The network that computes these weights; where it is not one of our own, it is tried out first."""
    from skerry.retrieval.seal.language_model.causal import CausalNetwork
    from skerry.retrieval.seal.language_model.llama import LlamaNetwork, fits
    from skerry.retrieval.seal.language_model.seq2seq import Seq2SeqNetwork
    from skerry.retrieval.seal.language_model.trial import check_tree

    prefix, suffix = _frame(model)
    if weights.config.is_encoder_decoder:
        seq2seq = Seq2SeqNetwork(weights.to(dtype), prefix, suffix, _forced(model))
        check_tree(seq2seq)
        return seq2seq
    if fits(weights.config):
        return LlamaNetwork(weights, dtype, prefix)
    causal = CausalNetwork(weights.to(dtype), prefix)
    check_tree(causal)
    return causal


def _forced(model: Model) -> int | None:
    """The first output token that config.json forces: where BART's is, and where transformers 5 drops it."""
    told: int | None = json.loads((model.folder / "config.json").read_text(encoding="utf-8")).get(
        "forced_bos_token_id"
    )
    return told


def _frame(model: Model) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and after a text."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return list(whole[:start]), list(whole[start + len(bare) :])
    raise InvalidInput(
        f"The tokenizer of {model.name} changes a text when it adds special tokens.",
        hint="SEAL needs one that puts them around the text.",
        details={"model": model.name},
    )
