"""What the search page of the catalogue brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="catalog_finding",
    name="目录检索",
    description="一个搜索框找目录、数据项、标准、系统和事项",
    section="目录",
    menus=(
        Menu(
            portal="console", layer="data", title="查找数据", url_name="catalog_finding:search",
            icon="database-search", permission="catalog.resource.view", order=9,
        ),
    ),
)  # fmt: skip
