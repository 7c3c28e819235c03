"""Generated from protos/skerry/v1 by protos/generate.py; not edited by hand."""
