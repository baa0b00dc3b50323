"""What discovery does, one module per noun."""
