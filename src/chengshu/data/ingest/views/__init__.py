"""Pages of collection: board, new collection, batches, quarantine workbench, data sources, preview."""
