"""What the DCAT-AP form of the catalogue brings: public addresses and a command."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(
    key="catalog_dcat",
    name="目录交换（DCAT-AP）",
    description="按 DCAT-AP 3 发布目录，供其他平台收割",
)
