"""What CorpusBrain learns from before anyone asks: texts and the pages they name (Chen et al. 2022)."""
