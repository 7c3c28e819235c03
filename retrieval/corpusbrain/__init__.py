"""CorpusBrain: page titles from a model that has read the corpus (Chen et al. 2022)."""
