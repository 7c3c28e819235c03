"""What a decoded token costs against the context's length, and what choosing rows does to answers."""
