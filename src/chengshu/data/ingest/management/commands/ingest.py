"""``chengshu ingest``: collect a file or an object of a data source from the command line, and see the balance."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services import closing, collecting, sources, uploads
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import run_job

PIECE = 1024 * 1024
WORKER_SECONDS = 3.0
POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = "归集一个文件或数据源里的一个对象，等它入库，打印账目"

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True)
        file = kinds.add_parser("file", help="归集文件（CSV、TXT、XLSX、XLS、Parquet、JSON）")
        file.add_argument("resource", help="资源代码")
        file.add_argument("path", type=Path, help="文件")
        file.add_argument("--encoding", default="", help="编码，如 utf-8、gb18030；不写则自动识别")
        file.add_argument("--delimiter", default="", help="分隔符")
        file.add_argument("--header-row", type=int, help="表头在第几行")
        file.add_argument("--sheet", default="", help="工作表")
        table = kinds.add_parser("table", help="归集数据源里的表、文件或接口")
        table.add_argument("resource", help="资源代码")
        table.add_argument("source", help="数据源名称")
        table.add_argument("table", help="模式.表、文件名样式或接口")
        for kind in (file, table):
            kind.add_argument("--as", dest="username", required=True, help="以哪个账号的身份归集")

    def handle(self, *_args: Any, **options: Any) -> None:
        account = Account.objects.filter(username=options["username"], is_active=True).first()
        if account is None:
            raise CommandError(f"没有启用的账号“{options['username']}”。")
        actor = Actor(account=account, name=account.display_name, address="127.0.0.1")
        try:
            begin = self._file if options["kind"] == "file" else self._table
            batch = begin(actor, options)
            self._wait(batch)
        except ChengshuError as error:
            raise CommandError(error.detail) from error
        batch.refresh_from_db()
        self._report(batch)

    def _file(self, actor: Actor, options: dict[str, Any]) -> Batch:
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"没有文件“{path}”。")
        reading = {
            "encoding": options["encoding"], "delimiter": options["delimiter"],
            "header_row": options["header_row"], "sheet": options["sheet"],
        }  # fmt: skip
        batch = uploads.upload(
            actor=actor, resource_code=options["resource"], name=path.name, chunks=pieces(path)
        )
        try:
            look = uploads.inspect(actor=actor, batch=batch, **reading)
            if look.unused:
                self.stdout.write(f"不归集的列：{'、'.join(look.unused)}")
            return uploads.confirm(actor=actor, batch=batch, mapping=look.mapping, **reading)
        except ChengshuError:
            # Nobody comes back to a draft of the command line.
            closing.cancel(actor=actor, batch=batch)
            raise

    def _table(self, actor: Actor, options: dict[str, Any]) -> Batch:
        source = DataSource.objects.filter(name=options["source"]).first()
        if source is None:
            raise CommandError(f"没有登记数据源“{options['source']}”。")
        structure = sources.structure(actor=actor, source=source, name=options["table"])
        mapping = sources.propose_mapping(options["resource"], structure)
        return collecting.collect(
            actor=actor, resource_code=options["resource"], source=source, name=options["table"],
            mapping=mapping,
        )  # fmt: skip

    def _wait(self, batch: Batch) -> None:
        """Follow the job; when no worker takes it soon, do it here."""
        assert batch.job_id is not None
        started, own = time.monotonic(), None
        while True:
            job = Job.objects.get(pk=batch.job_id)
            self._line(job)
            if job.finished:
                break
            waited = time.monotonic() - started
            if own is None and job.state == JobState.QUEUED and waited > WORKER_SECONDS:
                own = threading.Thread(target=_run, args=(str(job.pk),))
                own.start()
            time.sleep(POLL_SECONDS)
        if own is not None:
            own.join()
        if sys.stderr.isatty():
            self.stderr.write("")

    def _line(self, job: Job) -> None:
        if not sys.stderr.isatty():
            return
        percent = f"{job.percent}%" if job.percent is not None else "…"
        text = f"\r{job.get_state_display()} {percent} {job.stage} {job.done:,} 行，每秒 {job.rate:,.0f} 行   "
        self.stderr.write(text, ending="")

    def _report(self, batch: Batch) -> None:
        if batch.state != BatchState.LOADED:
            raise CommandError(batch.error or batch.get_state_display())
        self.stdout.write(
            f"{batch.resource.title}：来源 {batch.source_rows:,} = 入库 {batch.accepted:,}"
            f" + 隔离 {batch.quarantined:,} + 重复 {batch.duplicates:,}"
        )
        self.stdout.write(
            f"新增 {batch.inserted:,}，更新 {batch.updated:,}，无变化 {batch.unchanged:,}；"
            f"用时 {batch.seconds:.1f} 秒"
        )
        for problem in batch.problems.all():
            where = problem.column_title or "整行"
            self.stdout.write(f"  隔离 {problem.rule_name} · {where}：{problem.rows:,} 行")
        self.stdout.write(f"批次 /console/ingest/batches/{batch.pk}/")


def _run(job_id: str) -> None:
    try:
        run_job.func(job_id)
    finally:
        connection.close()


def pieces(path: Path) -> Iterator[bytes]:
    """A file's content in pieces."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
