"""What search brings."""

from chengshu.kernel.registry.manifest import (
    Action,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

MANIFEST = Manifest(
    key="search",
    name="检索",
    description="中文检索：一套分词，两种数据库",
    menus=(
        Menu(
            portal="console", layer="system", title="同义词", url_name="search:synonyms",
            icon="language", permission="search.synonym.manage", order=870,
        ),
    ),
    permissions=(Permission(key="search.synonym.manage", name="维护同义词"),),
    roles=(
        RoleTemplate(key="data_admin", permissions=("search.synonym.manage",)),
        RoleTemplate(key="operator", permissions=("search.synonym.manage",)),
    ),
    actions=(
        Action(key="search.synonym.saved", name="保存同义词", fields=(("words", "同义词"),)),
        Action(key="search.synonym.removed", name="移除同义词", fields=(("words", "同义词"),)),
    ),
    schedules=(
        Schedule(
            key="search.rebuild", name="重建检索索引", cron="40 3 * * *", job="search.rebuild"
        ),
    ),
)  # fmt: skip
