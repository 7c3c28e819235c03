"""The few words every room speaks: errors, registries, progress, files, deadlines. Imports nothing of ours."""
