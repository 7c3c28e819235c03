"""The few words every room speaks: errors, registries, progress, files. It imports nothing of ours."""
