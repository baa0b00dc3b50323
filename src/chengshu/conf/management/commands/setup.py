"""``chengshu setup``: secrets, migrations and static files, without starting anything."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "只做准备：密钥、数据库迁移、静态文件"

    def handle(self, *_args: Any, **_options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self.stdout.write("准备完成。启动：chengshu up")
