"""谁用了数据: every answered look-up by the hashed key of its record, for the people and records concerned."""
