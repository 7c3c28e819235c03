"""From what a source gave to the plain folder that everything here loads: one file a format."""
