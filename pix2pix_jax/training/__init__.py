"""Training: the loop, the step on all devices, several processes, and what a CPU needs."""
