"""How the title model learns to read the corpus: pairs of texts and titles, one pass or a few, early stop."""
