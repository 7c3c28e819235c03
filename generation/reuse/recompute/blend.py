"""The tokens whose keys deviate most from a full prefill's are computed again (CacheBlend, arXiv:2405.16444).

Where keys deviate in the second layer they deviate in the later ones: two layers of all tokens say which rows
are worth the rest of the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.generation.reuse.recompute.base import refuse

if TYPE_CHECKING:
    import torch

    from skerry.generation.reuse.recompute.base import Spliced

_LAYERS = 2


class Blend:
    """The share P of all rows that are not exact; the argument is P, above 0 and at most 1."""

    def __init__(self, argument: str) -> None:
        try:
            self.share = float(argument)
        except ValueError:
            self.share = math.nan
        if not 0 < self.share <= 1:
            raise refuse(f"blend:{argument}", "P of blend:P is a number above 0 and at most 1")

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """See `Recompute.rows`."""
        count = len(spliced.tokens) - spliced.exact
        if not count:
            return ()
        layers = min(_LAYERS, spliced.run.loaded.layers)
        spliced_keys = spliced.run.cache.layers[layers - 1].keys[0, :, spliced.exact : len(spliced.tokens)]
        deviation = (_keys(spliced, layers).float() - spliced_keys.float()).square().sum((0, 2))
        most = deviation.topk(math.ceil(self.share * count)).indices
        rows: list[int] = (most.cpu().sort().values + spliced.exact).tolist()
        return rows


def _keys(spliced: Spliced, layers: int) -> torch.Tensor:
    """Keys of the last of the first `layers` layers, of the rows that are not exact, read in one go.

    Shape (KV heads, rows, head size).
    """
    import torch

    from skerry.generation.attention.state import AttentionState, using
    from skerry.generation.cache.preallocated import PreallocatedCache

    loaded, exact = spliced.run.loaded, spliced.exact
    body = loaded.weights.base_model
    cache = PreallocatedCache(layers, len(spliced.tokens))
    for layer, full in zip(cache.layers, spliced.run.cache.layers, strict=False):
        layer.append(full.keys[:, :, :exact], full.values[:, :, :exact])
    rows = torch.arange(exact, len(spliced.tokens), device=loaded.device)
    with torch.inference_mode(), using(AttentionState(limits=(rows + 1).int())):
        tokens = torch.tensor([spliced.tokens[exact:]], device=loaded.device)
        hidden = loaded.weights.get_input_embeddings()(tokens)
        angles = body.rotary_emb(hidden, position_ids=rows[None])
        for layer in body.layers[:layers]:
            hidden = layer(
                hidden,
                attention_mask=None,
                position_embeddings=angles,
                position_ids=rows[None],
                use_cache=True,
                **{loaded.cache_argument: cache},
            )
    keys: torch.Tensor = cache.layers[-1].keys[0, :, exact:]
    return keys
