"""The PyTorch reference, how far ours is from it (`parity`), and how fast both are (`throughput.py`, `input.py`)."""
