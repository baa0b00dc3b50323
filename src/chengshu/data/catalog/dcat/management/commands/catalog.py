"""``chengshu catalog dcat``: write the whole catalogue as DCAT-AP 3."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chengshu.data.catalog.dcat import writing
from chengshu.data.catalog.dcat.graph import site_at
from chengshu.data.catalog.dcat.writing import MEDIA_TYPES


class Command(BaseCommand):
    help = "目录：dcat 按 DCAT-AP 3 导出"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["dcat"])
        parser.add_argument("--output", required=True, help="文件名，以 .ttl、.jsonld 或 .rdf 结尾")
        parser.add_argument(
            "--base-url", default="http://127.0.0.1:8000/", help="平台的对外网址，用作标识的开头"
        )
        parser.add_argument(
            "--public", action="store_true", help="只导出可对社会公开的；默认导出全部已发布的"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        target = Path(options["output"])
        syntax = next((s for s in MEDIA_TYPES if target.suffix == f".{s}"), None)
        if syntax is None:
            raise CommandError("文件名要以 .ttl、.jsonld 或 .rdf 结尾。")
        found = writing.showable() if options["public"] else writing.published()
        started, partial = time.monotonic(), target.with_name(f"{target.name}.partial")
        with partial.open("w", encoding="utf-8") as file:
            for piece in writing.write(writing.graphs(site_at(options["base_url"]), found), syntax):
                file.write(piece)
        partial.replace(target)
        seconds = time.monotonic() - started
        self.stdout.write(
            f"已导出 {found.count():,} 个数据资源到 {target}，用时 {seconds:.1f} 秒。"
        )
