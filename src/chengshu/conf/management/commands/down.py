"""``chengshu down``: stop the city that runs from this data folder."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chengshu.conf import supervisor


class Command(BaseCommand):
    help = "停止城枢"

    def handle(self, *_args: Any, **_options: Any) -> None:
        stopped = supervisor.stop_running(Path(settings.DATA_DIR))
        self.stdout.write("城枢已停止。" if stopped else "城枢没有在运行。")
