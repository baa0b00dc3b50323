"""数据资源体系: catalogue, collection, quality, sharing, opening, libraries, lineage."""
