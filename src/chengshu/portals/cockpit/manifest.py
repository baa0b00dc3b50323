"""What the cockpit portal brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="cockpit", name="城市驾驶舱", description="门户外壳，内容来自各包清单")
