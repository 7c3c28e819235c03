"""What writes titles: a small decoder on a sentence encoder, or a sequence-to-sequence model."""
