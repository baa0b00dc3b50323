"""What the catalogue brings."""

from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)

_BROWSE = ("catalog.system.view", "catalog.resource.view", "catalog.element.view")
_WRITE = (
    "catalog.system.edit", "catalog.resource.edit", "catalog.resource.submit",
    "catalog.element.propose",
)  # fmt: skip

MANIFEST = Manifest(
    key="catalog",
    name="目录子系统",
    description="信息系统、数据资源、数据项的登记、审核与发布",
    section="目录",
    menus=(
        Menu(
            portal="console", layer="data", title="数据资源", url_name="catalog:resources",
            icon="database", permission="catalog.resource.view", order=10,
        ),
        Menu(
            portal="console", layer="data", title="目录审核", url_name="catalog:reviews",
            icon="checkbox", permission="catalog.resource.review", order=12,
            badge="chengshu.data.catalog.selectors.waiting_reviews",
        ),
        Menu(
            portal="console", layer="data", title="信息系统", url_name="catalog:systems",
            icon="server", permission="catalog.system.view", order=14,
        ),
        Menu(
            portal="console", layer="data", title="业务事项", url_name="catalog:business",
            icon="clipboard-list", permission="catalog.system.view", order=15,
        ),
        Menu(
            portal="console", layer="data", title="更新逾期", url_name="catalog:overdue",
            icon="calendar-due", permission="catalog.resource.view", order=13,
            badge="chengshu.data.catalog.standards.waiting_overdue", also=("catalog:cycles",),
        ),
        Menu(
            portal="console", layer="data", title="数据元", url_name="catalog:elements",
            icon="book-2", permission="catalog.element.view", order=16,
            badge="chengshu.data.catalog.standards.waiting_elements", section="标准",
            also=("catalog:standards-import",),
        ),
        Menu(
            portal="console", layer="data", title="代码表", url_name="catalog:code-tables",
            icon="list", permission="catalog.resource.view", order=17,
            badge="chengshu.data.catalog.standards.waiting_code_tables", section="标准",
        ),
        Menu(
            portal="console", layer="data", title="资源分类", url_name="catalog:categories",
            icon="category", permission="catalog.resource.view", order=17, section="标准",
        ),
        Menu(
            portal="console", layer="data", title="批量导入", url_name="catalog:import",
            icon="file-upload", permission="catalog.resource.edit", order=18,
        ),
    ),
    actions=(
        Action(key="catalog.business.saved", name="登记或修改业务事项"),
        Action(key="catalog.category.removed", name="删除资源分类"),
        Action(key="catalog.category.saved", name="新建或修改资源分类"),
        Action(key="catalog.code_table.codes_edited", name="修改代码表草案"),
        Action(key="catalog.code_table.created", name="新建代码表"),
        Action(key="catalog.code_table.discarded", name="放弃代码表修订"),
        Action(key="catalog.code_table.edited", name="修改代码表说明"),
        Action(key="catalog.code_table.published", name="发布代码表"),
        Action(key="catalog.code_table.retired", name="废止代码表"),
        Action(key="catalog.code_table.returned", name="退回代码表"),
        Action(key="catalog.code_table.revised", name="修订代码表"),
        Action(key="catalog.code_table.submitted", name="提请发布代码表"),
        Action(key="catalog.element.created", name="起草数据元"),
        Action(key="catalog.element.discarded", name="放弃数据元草案"),
        Action(key="catalog.element.edited", name="修改数据元草案"),
        Action(key="catalog.element.published", name="发布数据元"),
        Action(key="catalog.element.retired", name="废止数据元"),
        Action(key="catalog.element.returned", name="退回数据元"),
        Action(key="catalog.element.revised", name="修订数据元"),
        Action(key="catalog.element.submitted", name="提请发布数据元"),
        Action(key="catalog.library.saved", name="新建或修改专题库"),
        Action(key="catalog.warehouse.saved", name="新建或修改数据仓"),
        Action(key="catalog.cycles_changed", name="修改更新时限"),
        Action(key="catalog.demo_loaded", name="装载演示目录"),
        Action(key="catalog.exported", name="导出目录"),
        Action(key="catalog.imported", name="批量导入目录"),
        Action(key="catalog.list_exported", name="导出目录清单"),
        Action(key="catalog.standards_exported", name="导出数据标准"),
        Action(key="catalog.standards_imported", name="批量导入数据标准"),
        Action(key="catalog.resource.change_started", name="发起目录变更"),
        Action(key="catalog.resource.created", name="新建目录草稿"),
        Action(key="catalog.resource.discarded", name="放弃目录草稿"),
        Action(key="catalog.resource.edited", name="修改目录草稿"),
        Action(key="catalog.resource.published", name="审核通过并发布目录"),
        Action(key="catalog.resource.withdrawn", name="撤回目录审核"),
        Action(key="catalog.system.edited", name="修改信息系统"),
        Action(key="catalog.system.registered", name="登记信息系统"),
    ),
    permissions=(
        Permission(key="catalog.system.view", name="查看信息系统"),
        Permission(key="catalog.system.edit", name="登记和修改信息系统"),
        Permission(key="catalog.resource.view", name="查看数据目录", description="全市已发布的目录"),
        Permission(
            key="catalog.resource.edit", name="编写数据目录", description="含查看本单位未发布的目录",
        ),
        Permission(key="catalog.resource.submit", name="提交目录审核"),
        Permission(key="catalog.resource.review", name="审核数据目录"),
        Permission(key="catalog.resource.publish", name="发布数据目录"),
        Permission(
            key="catalog.resource.suspend", name="暂停、恢复、撤销目录", sensitive=True,
        ),
        Permission(key="catalog.element.view", name="查看数据元"),
        Permission(key="catalog.element.propose", name="起草数据元"),
        Permission(key="catalog.element.publish", name="发布、退回、废止数据元"),
        Permission(key="catalog.cycle.manage", name="维护更新时限"),
        Permission(
            key="catalog.standard.edit", name="维护数据标准",
            description="代码表、资源分类、数据仓、专题库",
        ),
    ),
    roles=(
        RoleTemplate(key="data_officer", permissions=(*_BROWSE, *_WRITE)),
        RoleTemplate(
            key="data_admin",
            permissions=(
                *_BROWSE, *_WRITE, "catalog.resource.review", "catalog.resource.publish",
                "catalog.resource.suspend", "catalog.element.publish", "catalog.standard.edit",
                "catalog.cycle.manage",
            ),
        ),
        RoleTemplate(key="integrator", permissions=("catalog.resource.view",)),
        RoleTemplate(key="leader", permissions=_BROWSE),
    ),
    events=(
        EventType(key="city.catalog.system.registered", name="信息系统已登记"),
        EventType(key="city.catalog.system.edited", name="信息系统已修改"),
        EventType(key="city.catalog.resource.submitted", name="目录已提交审核"),
        EventType(key="city.catalog.resource.returned", name="目录已退回"),
        EventType(key="city.catalog.resource.published", name="目录已发布"),
        EventType(key="city.catalog.resource.suspended", name="目录已暂停"),
        EventType(key="city.catalog.resource.resumed", name="目录已恢复"),
        EventType(key="city.catalog.resource.retired", name="目录已撤销"),
        EventType(key="city.catalog.loaded", name="目录已批量载入"),
        EventType(key="city.catalog.element.published", name="数据元已发布"),
        EventType(key="city.catalog.code_table.published", name="代码表已发布"),
    ),
    schedules=(
        Schedule(
            key="catalog.renew_due", name="更新时限重算", cron="15 0 * * *", job="catalog.renew_due"
        ),
    ),
    indicators=(
        Indicator(
            key="catalog.systems", name="信息系统", unit="个", group="数据资源", order=10,
            compute="chengshu.data.catalog.selectors.count_systems", url_name="catalog:systems",
            description="已登记的信息系统",
        ),
        Indicator(
            key="catalog.entries", name="数据目录", unit="条", group="数据资源", order=11,
            compute="chengshu.data.catalog.selectors.count_entries", url_name="catalog:resources",
            url_query="state=published", description="已发布的数据目录",
        ),
        Indicator(
            key="catalog.items", name="数据项", unit="项", group="数据资源", order=12,
            compute="chengshu.data.catalog.selectors.count_items", url_name="catalog:items",
            description="已发布目录中的数据项",
        ),
        Indicator(
            key="catalog.warehouses", name="数据仓", unit="个", group="数据资源", order=13,
            compute="chengshu.data.catalog.selectors.count_warehouses",
            url_name="catalog:warehouses",
        ),
        Indicator(
            key="catalog.libraries", name="专题库", unit="个", group="数据资源", order=30,
            compute="chengshu.data.catalog.selectors.count_libraries", url_name="catalog:libraries",
        ),
        Indicator(
            key="catalog.elements", name="数据元", unit="个", group="数据资源", order=31,
            compute="chengshu.data.catalog.standards.count_elements", url_name="catalog:elements",
            url_query="state=published", description="现行的数据元",
        ),
        Indicator(
            key="catalog.overdue", name="更新逾期", unit="条", group="数据资源", order=32,
            compute="chengshu.data.catalog.standards.count_overdue", url_name="catalog:overdue",
            description="已过更新时限还没有新数据的目录",
        ),
    ),
    search="chengshu.data.catalog.search.sources",
    demo=DemoLoader(load="chengshu.data.catalog.demo.load", order=20),
)  # fmt: skip
