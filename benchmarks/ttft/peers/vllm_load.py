"""vLLM on the CPU; loaded by `answer.py`, in the peer's environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def load(settings: dict[str, Any]) -> tuple[str, Callable[[list[int]], int]]:
    """The engine in this process, without its prefix cache; see `answer.py`.

    Eager: compiling takes minutes for each start, and a long prompt is spent in products of matrices anyway.
    """
    os.environ.update(
        VLLM_ENABLE_V1_MULTIPROCESSING="0",
        VLLM_CPU_KVCACHE_SPACE="1",
        VLLM_CPU_OMP_THREADS_BIND=",".join(map(str, sorted(os.sched_getaffinity(0)))),
    )
    import vllm

    engine = vllm.LLM(
        settings["weights"],
        dtype=settings["dtype"],
        max_model_len=settings["context"],
        max_num_seqs=1,
        enforce_eager=True,
        enable_prefix_caching=False,
        skip_tokenizer_init=True,
    )
    greedy = vllm.SamplingParams(temperature=0.0, max_tokens=1, detokenize=False, ignore_eos=True)

    def first_token(tokens: list[int]) -> int:
        [answer] = engine.generate([{"prompt_token_ids": tokens}], greedy, use_tqdm=False)
        return int(answer.outputs[0].token_ids[0])

    return vllm.__version__, first_token
