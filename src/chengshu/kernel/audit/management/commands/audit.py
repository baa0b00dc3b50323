"""``chengshu audit verify``: prove that the log was not altered."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chengshu.kernel.audit import services
from chengshu.kernel.audit.verification import verify


class Command(BaseCommand):
    help = "审计记录：verify 校验链条，checkpoint 立即签署检查点"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "checkpoint"])

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["what"] == "checkpoint":
            made = services.checkpoint()
            self.stdout.write(f"检查点：第 {made.seq} 号" if made else "没有新记录，无需签署。")
            return
        report = verify()
        self.stdout.write(
            f"共 {report.records:,} 条记录，{report.checkpoints:,} 个检查点，链头 {report.head[:16]}…"
        )
        if not report.intact:
            raise CommandError("校验没有通过：\n" + "\n".join(f"- {p}" for p in report.problems))
        self.stdout.write(self.style.SUCCESS("链条完整，没有发现改动、删除或调换。"))
