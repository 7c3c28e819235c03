"""The neural rankers by name: each is its model in `ranker.py`."""

from __future__ import annotations

from skerry.ranking.neural.ranker import NeuralRanker


class AnmmRanker(NeuralRanker):
    """Ranks with `anmm`."""

    name = "anmm"


class ArcIRanker(NeuralRanker):
    """Ranks with `arc-i`."""

    name = "arc-i"


class CoPacrrRanker(NeuralRanker):
    """Ranks with `co-pacrr`."""

    name = "co-pacrr"


class ConvKnrmRanker(NeuralRanker):
    """Ranks with `conv-knrm`."""

    name = "conv-knrm"


class DeepRankRanker(NeuralRanker):
    """Ranks with `deeprank`."""

    name = "deeprank"


class DrmmRanker(NeuralRanker):
    """Ranks with `drmm`."""

    name = "drmm"


class DssmRanker(NeuralRanker):
    """Ranks with `dssm`."""

    name = "dssm"


class DuetRanker(NeuralRanker):
    """Ranks with `duet`."""

    name = "duet"


class HintRanker(NeuralRanker):
    """Ranks with `hint`."""

    name = "hint"


class KnrmRanker(NeuralRanker):
    """Ranks with `knrm`."""

    name = "knrm"


class MatchPyramidRanker(NeuralRanker):
    """Ranks with `match-pyramid`."""

    name = "match-pyramid"


class MaxSimRanker(NeuralRanker):
    """Ranks with `max-sim`."""

    name = "max-sim"


class MvLstmRanker(NeuralRanker):
    """Ranks with `mv-lstm`."""

    name = "mv-lstm"


class PacrrRanker(NeuralRanker):
    """Ranks with `pacrr`."""

    name = "pacrr"


class TkRanker(NeuralRanker):
    """Ranks with `tk`."""

    name = "tk"
