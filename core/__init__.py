"""The few words every room speaks: errors, registries, progress, files, deadlines; imports nothing of ours."""
