"""What files brings."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(key="files", name="文件", description="按内容存放文件，下载受权限控制并留痕")
