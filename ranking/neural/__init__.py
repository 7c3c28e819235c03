"""The survey's neural rankers, one a file (Guo et al. 2019, A Deep Look into Neural Ranking Models)."""
