"""What the opendata portal brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="opendata", name="公共数据开放", description="门户外壳，内容来自各包清单")
