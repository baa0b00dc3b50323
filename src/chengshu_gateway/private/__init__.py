"""Statistics under differential privacy: the ledger of what was spent, the noise, the answers."""
