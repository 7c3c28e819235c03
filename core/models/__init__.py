"""The models: a catalogue, the places they come from, and the cache they are kept in."""
