"""The pages over the audit trail: browse, compare, export, verify; apart from ``audit``, which everybody writes to."""
