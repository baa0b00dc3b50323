"""What events bring."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="events", name="事件", description="事务性发件箱与投递")
