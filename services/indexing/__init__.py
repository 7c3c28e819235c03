"""The engines on which an index is built: processes of this machine, or a Ray cluster."""
