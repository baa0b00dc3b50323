"""What the open-data portal brings."""

from chengshu.kernel.registry.manifest import Manifest, Menu

MANIFEST = Manifest(
    key="opendata",
    name="公共数据开放",
    description="开放门户：搜索、预览、下载和开放接口，无需登录",
    menus=(
        Menu(portal="opendata", layer="home", title="首页", url_name="opendata:home", icon="home", order=1),
        Menu(
            portal="opendata", layer="home", title="数据集", url_name="opendata:datasets",
            icon="database", order=2, also=("opendata:restricted-list",),
        ),
        Menu(
            portal="opendata", layer="home", title="开放接口", url_name="opendata:interfaces",
            icon="api", order=3,
        ),
        Menu(
            portal="opendata", layer="home", title="互动与成果", url_name="opendata:voices",
            icon="message", order=4,
        ),
    ),
)  # fmt: skip
