"""How far the JAX program and the PyTorch reference are apart: both run from the same weights on the same batches."""
