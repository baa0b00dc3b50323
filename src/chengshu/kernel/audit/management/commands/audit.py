"""``chengshu audit …``: prove that the log was not altered, anchor it, hand it to others."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chengshu.kernel.audit import services, trails
from chengshu.kernel.audit.verification import verify
from chengshu_evidence.export import Period


class Command(BaseCommand):
    help = (
        "审计记录：verify 校验链条（给出文件夹则离线核验导出的留痕），checkpoint 立即签署检查点，"
        "anchor 立即签署锚点，export 导出留痕交第三方"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "checkpoint", "anchor", "export"])
        parser.add_argument("folder", nargs="?", type=Path, help="export 写到哪里（新文件夹）")
        parser.add_argument("--since", default="", help="从哪天起，如 2026-11-01")
        parser.add_argument("--until", default="", help="到哪天止，如 2026-11-30")
        parser.add_argument("--owner", default="本市", help="清单里写的单位名称")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["what"] == "checkpoint":
            made = services.checkpoint()
            self.stdout.write(f"检查点：第 {made.seq} 号" if made else "没有新记录，无需签署。")
        elif options["what"] == "anchor":
            signed = trails.anchor()
            self.stdout.write(
                f"锚点：第 {signed.number} 个" if signed else "没有新记录，无需签署。"
            )
        elif options["what"] == "export":
            self._export(**options)
        else:
            self._verify()

    def _export(self, *, folder: Path | None, since: str, until: str, **options: Any) -> None:
        if folder is None:
            raise CommandError("请写明导出到哪个新文件夹：chengshu audit export 文件夹")
        period = Period(
            trails.moment_of(since) if since else None,
            trails.moment_of(until, end=True) if until else None,
        )
        made = trails.export_trails(folder, period, owner=options["owner"])
        for chain in made.chains:
            self.stdout.write(f"{chain.name}：第 {chain.first} 至 {chain.last} 条")
        self.stdout.write(
            f"已导出到 {folder}。对方用 chengshu audit verify 文件夹 --key 公钥 核验，"
            f"公钥（{trails.anchor_file().with_name('anchor-public.pem')}）请另行交付。"
        )

    def _verify(self) -> None:
        report = verify()
        self.stdout.write(
            f"共 {report.records:,} 条记录，{report.checkpoints:,} 个检查点，链头 {report.head[:16]}…"
        )
        if not report.intact:
            raise CommandError("校验没有通过：\n" + "\n".join(f"- {p}" for p in report.problems))
        self.stdout.write(self.style.SUCCESS("链条完整，没有发现改动、删除或调换。"))
