"""``chengshu demo load``: fill the demo city at a scale."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chengshu.conf import demo


class Command(BaseCommand):
    help = "演示城市：load 生成并装载演示数据"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["load"])
        parser.add_argument("--scale", choices=["small", "full"], default="small")
        parser.add_argument("--only", default="", help="只运行某个包的装载（清单键）")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.stdout.write(f"· 演示城市（规模 {options['scale']}）")
        demo.load(scale=options["scale"], say=self.stdout.write, only=options["only"])
