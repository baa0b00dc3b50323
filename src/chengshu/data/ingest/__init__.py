"""Collection (归集子系统): uploads and source tables become validated, balanced batches in the lake."""
