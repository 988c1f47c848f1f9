"""A page in the browser for people without a terminal: drop photographs, see before and after, take them away."""
