"""What may be done with plans, runs, back-fills and reconciliations."""
