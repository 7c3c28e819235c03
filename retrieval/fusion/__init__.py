"""Several legs' lists into one: pure functions, one method a file."""

from skerry.retrieval.fusion.base import FUSIONS, Fused, Fusion, LegList

__all__ = ["FUSIONS", "Fused", "Fusion", "LegList"]
