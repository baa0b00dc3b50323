"""What search brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="search", name="检索", description="中文检索：一套分词，两种数据库")
