"""The transactional outbox: events are written with the change they tell of and delivered at least once."""
