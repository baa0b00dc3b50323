"""What access brings: nothing to see, everything to enforce."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="access", name="权限", description="默认拒绝；每个入口声明所需权限")
