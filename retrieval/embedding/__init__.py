"""Dense retrieval: a sentence encoder and faiss."""
