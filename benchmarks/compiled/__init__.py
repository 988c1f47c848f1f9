"""What compilers for GPUs and TPUs make of the training step, on a machine without either."""
