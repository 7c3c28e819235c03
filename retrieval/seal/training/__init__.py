"""How SEAL's language model learns which words the answering passage holds."""
