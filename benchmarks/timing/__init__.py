"""What is behind `benchmarks/throughput.py`: its rows, the processes that run them, the result and its tables."""
