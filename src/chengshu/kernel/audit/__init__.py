"""The append-only, hash-chained record of who did what, on what, why and from where."""
