"""From logits to the answer's text: token choosers (one method a file), detokenising, stop strings."""
