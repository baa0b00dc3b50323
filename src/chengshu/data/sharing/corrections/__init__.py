"""校核纠错: a consumer reports a wrong value, its source answers within a term, and all who received it are told."""
