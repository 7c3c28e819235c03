"""Names of the neural rankers' models, imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from skerry.core.registry import Registry

if TYPE_CHECKING:
    from skerry.ranking.neural.base import NeuralModel

MODELS: Registry[Callable[..., NeuralModel]] = Registry(
    "neural ranker",
    {
        "anmm": "skerry.ranking.neural.anmm:Anmm",
        "arc-i": "skerry.ranking.neural.arc_i:ArcI",
        "co-pacrr": "skerry.ranking.neural.co_pacrr:CoPacrr",
        "conv-knrm": "skerry.ranking.neural.conv_knrm:ConvKnrm",
        "deeprank": "skerry.ranking.neural.deeprank:DeepRank",
        "drmm": "skerry.ranking.neural.drmm:Drmm",
        "dssm": "skerry.ranking.neural.dssm:Dssm",
        "duet": "skerry.ranking.neural.duet:Duet",
        "hint": "skerry.ranking.neural.hint:Hint",
        "knrm": "skerry.ranking.neural.knrm:Knrm",
        "match-pyramid": "skerry.ranking.neural.match_pyramid:MatchPyramid",
        "max-sim": "skerry.ranking.neural.max_sim:MaxSim",
        "mv-lstm": "skerry.ranking.neural.mv_lstm:MvLstm",
        "pacrr": "skerry.ranking.neural.pacrr:Pacrr",
        "tk": "skerry.ranking.neural.tk:Tk",
    },
)
