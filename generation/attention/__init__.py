"""How a model's layers attend: sparse patterns in a prompt, chosen rows in an answer."""
