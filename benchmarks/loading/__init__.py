"""What is behind `benchmarks/input.py`: the loaders that are compared, and what is measured of them."""
