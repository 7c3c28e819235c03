"""Language models as SEAL uses them: log-probabilities of every next token, for many hypotheses at once."""

from skerry.retrieval.seal.language_model.loading import load

__all__ = ["load"]
