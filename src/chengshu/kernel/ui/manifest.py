"""What the design system brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="ui", name="界面", description="全平台一套设计系统")
