"""KILT and BEIR metrics, dataset runs and tables."""
