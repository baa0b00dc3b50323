"""Nothing but jobs."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="slow", name="慢任务", description="只用于测试")
