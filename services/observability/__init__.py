"""What a running server says about itself."""
