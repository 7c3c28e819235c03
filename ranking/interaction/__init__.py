"""The blocks that neural rankers are made of; padding never changes what they give."""
