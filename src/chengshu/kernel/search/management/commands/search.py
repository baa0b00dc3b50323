"""``chengshu search rebuild``: index everything the packages offer anew."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chengshu.kernel.search import services


class Command(BaseCommand):
    help = "检索：rebuild 重建索引"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["rebuild"])

    def handle(self, *_args: Any, **_options: Any) -> None:
        started = time.monotonic()
        counts = services.rebuild()
        for kind, count in counts.items():
            self.stdout.write(f"  {services.kind_name(kind)} {count:,} 条")
        total, seconds = sum(counts.values()), time.monotonic() - started
        self.stdout.write(f"索引已重建：{total:,} 条，用时 {seconds:.1f} 秒。")
