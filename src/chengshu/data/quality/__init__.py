"""Data quality: rules, one-scan evaluation, six dimensions, grades, what to fix first."""
