"""What the staff portal brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="staff", name="工作人员手机端", description="门户外壳，内容来自各包清单")
