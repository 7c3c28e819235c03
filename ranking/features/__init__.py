"""What neural rankers read of a query and its candidates, worked out once for all of them."""
