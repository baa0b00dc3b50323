"""``chengshu status``: what runs, where, since when."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from chengshu.conf import supervisor


class Command(BaseCommand):
    help = "查看运行状态"

    def handle(self, *_args: Any, **_options: Any) -> None:
        state = supervisor.running(Path(settings.DATA_DIR))
        if state is None:
            self.stdout.write("城枢没有在运行。启动：make up")
            return
        since = datetime.fromtimestamp(state["started"], tz=timezone.get_current_timezone())
        self.stdout.write(f"运行中（进程 {state['pid']}），自 {since:%Y-%m-%d %H:%M} 起")
        self.stdout.write(f"  网页  {state['web']}/\n  网关  {state['gateway']}/share/v1/")
