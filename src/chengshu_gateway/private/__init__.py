"""Statistics under differential privacy: the ledger of what was spent, and the noise."""
