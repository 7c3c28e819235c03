"""Manifests, versions, atomic publication and the resumable build of an index."""
