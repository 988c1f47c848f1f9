"""A page in the browser for people without a terminal: drop photographs, say what colours you know, take them away."""
