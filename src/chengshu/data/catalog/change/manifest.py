"""Changes of entries bring tables only; their pages are in ``catalog.changing``."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(
    key="catalog_change", name="目录变更影响", description="谁在用、哪里会受影响、怎样处理"
)
