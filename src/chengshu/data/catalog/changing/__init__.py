"""Pages of changes: who is hit before it is submitted, answers to remarks, suspension and retirement."""
