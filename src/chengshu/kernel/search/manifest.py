"""What search brings."""

from chengshu.kernel.registry.manifest import Manifest, Schedule

MANIFEST = Manifest(
    key="search",
    name="检索",
    description="中文检索：一套分词，两种数据库",
    schedules=(
        Schedule(
            key="search.rebuild", name="重建检索索引", cron="40 3 * * *", job="search.rebuild"
        ),
    ),
)
