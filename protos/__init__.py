"""The gRPC contract: `skerry/v1/*.proto` and the code generated from it."""
