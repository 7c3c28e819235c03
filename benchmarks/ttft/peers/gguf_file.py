"""A Llama's weights as a GGUF file, as llama.cpp reads them: the same values, in the same type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk

_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(weights: Any, file: Path) -> None:
    """Write all but the vocabulary: prompts come as token ids.

    llama.cpp's rotary embedding pairs neighbouring rows of a head's queries and keys, transformers' those
    that are half a head apart: they are put in llama.cpp's order. Norms are float32 there.

    Args:
        weights: transformers' model, bfloat16 or float32.

    Raises:
        InvalidInput: not a plain Llama: another architecture, biases, scaled rotary embeddings.
        BackendUnavailable: the disk is full.
    """
    import gguf
    import torch

    config = weights.config
    _check(config)
    kinds = gguf.GGMLQuantizationType
    kind, named = {
        torch.bfloat16: (kinds.BF16, gguf.LlamaFileType.MOSTLY_BF16),
        torch.float32: (kinds.F32, gguf.LlamaFileType.ALL_F32),
    }[weights.dtype]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_file_type(named)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("no_vocab")
    for name, value in weights.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        tensor = value.detach()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = _interleaved(tensor, config.head_dim)
        if tensor.ndim == 1:
            writer.add_tensor(_name(name), tensor.float().numpy())
        else:
            writer.add_tensor(_name(name), tensor.contiguous().view(torch.uint8).numpy(), raw_dtype=kind)
    with naming_full_disk(file):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _check(config: Any) -> None:
    problem = ""
    if config.model_type != "llama":
        problem = f"its architecture is {config.model_type!r}"
    elif config.attention_bias or config.mlp_bias:
        problem = "its projections have biases"
    elif config.rope_parameters["rope_type"] != "default":
        problem = f"its rotary embedding is {config.rope_parameters['rope_type']!r}"
    if problem:
        raise InvalidInput(
            f"The model cannot be written for llama.cpp here: {problem}.",
            hint="Take a plain Llama such as SmolLM2, or leave the peer out.",
        )


def _interleaved(rows: Any, head: int) -> Any:
    """[heads * head, width]: within each head, row i and row i + head/2 become neighbours."""
    return rows.view(-1, 2, head // 2, rows.shape[1]).transpose(1, 2).reshape(rows.shape)


def _name(name: str) -> str:
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    _, _, layer, part = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{_LAYER[part]}.weight"
