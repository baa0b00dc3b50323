"""What the citizen portal brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="citizen", name="群众企业门户", description="门户外壳，内容来自各包清单")
