"""The fixtures of collection: an entry, its officer, an own lake."""

from chengshu.data.ingest.tests.conftest import lake_dir, officer, resource

__all__ = ["lake_dir", "officer", "resource"]
