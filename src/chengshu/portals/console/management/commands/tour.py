"""``chengshu tour``: watch the main line from the command line, on the running city.

Follows the village divisions from catalogue to lake, makes a real signed call with a key issued for the occasion
(and revoked at the end), downloads the open data, and verifies both audit chains.
"""

import json
import time
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, published
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch
from chengshu.data.sharing.models import BundlePublication, Grant
from chengshu.data.sharing.services.applications import issue_key, revoke_key
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.verification import verify
from chengshu.portals.console.mainline import DATASET, INTERFACE, TABLE
from chengshu_gateway.client import GatewayClient, GatewayRefusedError
from chengshu_lake import Lake

SAMPLE = "330383198012"
STATE_FILE = "city.json"  # written by ``chengshu up``
PUBLICATION_SECONDS, LOADING_SECONDS = 20, 3


def running_addresses() -> dict[str, str]:
    """Addresses of the city that runs from this data folder.

    Raises:
        CommandError: none runs.
    """
    path = Path(settings.DATA_DIR) / STATE_FILE
    if not path.is_file():
        raise CommandError("城枢没有在运行：请先运行 make up。")
    found: dict[str, str] = json.loads(path.read_text())
    return found


class Command(BaseCommand):
    help = "在命令行走一遍主线：编目 → 归集 → 入湖 → 共享调用 → 开放下载 → 校验留痕"

    def handle(self, *_args: Any, **_options: Any) -> None:
        batch = (
            Batch.objects.filter(resource__physical_name=TABLE, state=BatchState.LOADED)
            .select_related("resource")
            .last()
        )
        if batch is None:
            raise CommandError("还没有村级区划数据：请先用 make up 装载小规模演示城市。")
        resource = published(batch.resource.code)
        self._catalogue(resource)
        self._collect(batch)
        self._lake(resource)
        self._call()
        self._download()
        self._prove()

    def _step(self, title: str) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{title}"))

    def _catalogue(self, resource: PublishedResource) -> None:
        self._step("1 编目")
        self.stdout.write(
            f"  {resource.code} {resource.title} v{resource.version}（{resource.provider_name}）"
        )
        for column in resource.columns:
            mark = "主键" if column.key else ""
            self.stdout.write(f"    {column.name:<14}{column.title}  {column.type} {mark}")

    def _collect(self, batch: Batch) -> None:
        self._step("2 归集与校验")
        self.stdout.write(
            f"  来源 {batch.source_rows:,} = 入库 {batch.accepted:,} + 隔离 {batch.quarantined:,}"
            f" + 重复 {batch.duplicates:,}，用时 {batch.seconds:.1f} 秒"
        )

    def _lake(self, resource: PublishedResource) -> None:
        self._step("3 入湖")
        lake = Lake(settings.LAKE_ROOT)
        stats = lake.stats(resource.lake_table)
        self.stdout.write(
            f"  {resource.lake_table} 版本 {stats.version}，{stats.rows:,} 行，{stats.files} 个文件"
        )
        query = "SELECT province_code, count(*) AS n FROM t GROUP BY 1 ORDER BY n DESC LIMIT 3"
        for row in lake.sql(query, tables={"t": resource.lake_table}).read_all().to_pylist():
            self.stdout.write(f"    省级代码 {row['province_code']}：{row['n']:,} 个村级单位")

    def _call(self) -> None:
        self._step("4 共享调用")
        grant = (
            Grant.objects.filter(interface__code=INTERFACE, state="active")
            .select_related("application")
            .first()
        )
        if grant is None:
            raise CommandError(f"接口 {INTERFACE} 还没有授权给任何应用。")
        actor = platform("命令行导览")
        since = timezone.now()
        key, secret = issue_key(actor=actor, application=grant.application)
        client = GatewayClient(
            running_addresses()["gateway"],
            app=grant.application.code,
            key_id=key.key_id,
            secret=secret,
        )
        try:
            self._await_publication(since)
            answer = self._lookup(client)
            self.stdout.write(f"  {grant.application.name} 查询 {SAMPLE} → {answer.data}")
            self.stdout.write(f"  留痕编号 {answer.request_id}，数据版本 {answer.version}")
        finally:
            client.close()
            revoke_key(actor=actor, key=key, reason="导览结束")

    def _lookup(self, client: GatewayClient) -> Any:
        """Call once the gateway has the new key: guessing before would look like an attack and lock the key out."""
        deadline = time.monotonic() + LOADING_SECONDS
        while True:
            try:
                return client.lookup(INTERFACE, SAMPLE, purpose="命令行导览")
            except GatewayRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _await_publication(self, since: datetime) -> None:
        """Wait until the rules were published after ``since``.

        Raises:
            CommandError: they were not; the worker that publishes them does not run.
        """
        deadline = time.monotonic() + PUBLICATION_SECONDS
        while not BundlePublication.objects.filter(at__gt=since).exists():
            if time.monotonic() > deadline:
                raise CommandError(
                    "新密钥没有发布到网关：后台作业（worker）似乎没有运行，请用 make status 查看。"
                )
            time.sleep(0.2)

    def _download(self) -> None:
        self._step("5 开放下载")
        address = f"{running_addresses()['web']}/open/datasets/{DATASET}.csv"
        with urlopen(address, timeout=20) as answer:  # noqa: S310 - the city's own address
            lines = [line.decode("utf-8-sig").rstrip() for line in islice(answer, 3)]
        self.stdout.write(f"  {address}")
        for line in lines:
            self.stdout.write(f"    {line}")

    def _prove(self) -> None:
        self._step("6 校验留痕")
        report = verify()
        if not report.intact:
            raise CommandError("\n".join(report.problems))
        self.stdout.write(f"  操作留痕 {report.records:,} 条，链条完整")
