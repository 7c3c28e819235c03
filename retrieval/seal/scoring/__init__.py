"""From matched keys to scored passages: pure functions, one method a file (Bevilacqua et al. 2022)."""

from skerry.retrieval.seal.scoring.balanced import FITTED
from skerry.retrieval.seal.scoring.base import SCORINGS, Match, Matches, Scored, Scoring
from skerry.retrieval.seal.scoring.corpus import Corpus, ScoredIndex
from skerry.retrieval.seal.scoring.keys import Keys
from skerry.retrieval.seal.scoring.options import ScoringOptions

__all__ = [
    "SCORINGS",
    "Corpus",
    "Keys",
    "Match",
    "Matches",
    "Scored",
    "ScoredIndex",
    "Scoring",
    "ScoringOptions",
    "default_options",
]


def default_options(scoring: str) -> ScoringOptions:
    """The knobs of a scoring that nobody has turned: the paper's, but for `balanced`."""
    return FITTED if scoring == "balanced" else ScoringOptions()
