"""`balanced`: the paper's intersective score with the shares of its parts fitted on questions.

The paper squares the weights of n-grams and not those of single tokens, so that a rare name of the question
that is one token counts little beside any generated n-gram. Here such words are weighed like the question's
longer n-grams, and the other parts have fitted factors.
"""

from __future__ import annotations

from skerry.retrieval.seal.scoring.intersective import intersective
from skerry.retrieval.seal.scoring.options import ScoringOptions

FITTED = ScoringOptions(
    unigrams=20_000,
    repetition=0.8,
    smoothing=1.0,
    title_factor=0.1,
    query_factor=1.5,
    unigram_factor=0.3,
    unigram_power=2.3,
    length_share=0.25,
    query_tokens=True,
)
"""Chosen on questions of held-out pages of SQuAD's train set."""


balanced = intersective
"""As `intersective`; what makes it another scoring are the options, by default `FITTED`."""
