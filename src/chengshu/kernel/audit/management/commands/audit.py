"""``chengshu audit …``: prove that the log was not altered, anchor it, hand it to others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chengshu.kernel.audit import anchor_keys, services, trails
from chengshu.kernel.audit.verification import verify
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu_evidence.export import Period

_Made = TypeVar("_Made")
_COMMANDS = {
    "verify": "_verify", "checkpoint": "_checkpoint", "anchor": "_anchor", "export": "_export",
    "keys": "_keys", "renew-key": "_renew", "declare-key": "_declare",
}  # fmt: skip


class Command(BaseCommand):
    help = (
        "审计记录：verify 校验链条（给出文件夹则离线核验导出的留痕），checkpoint 立即签署检查点，"
        "anchor 立即签署锚点，export 导出留痕交第三方，keys 列出锚点密钥，renew-key 更换现用的，"
        "declare-key 宣布一把停用的密钥泄露"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=list(_COMMANDS))
        parser.add_argument(
            "target",
            nargs="?",
            default="",
            help="export 写到哪里（新文件夹）；declare-key 的密钥编号",
        )
        parser.add_argument("--reason", default="", help="为什么换钥或宣布泄露，随证据交给第三方")
        parser.add_argument(
            "--compromised-since",
            default="",
            help="密钥从何时起可能在他人手里，如 2026-11-30T08:00",
        )
        parser.add_argument("--since", default="", help="从哪天起，如 2026-11-01")
        parser.add_argument("--until", default="", help="到哪天止，如 2026-11-30")
        parser.add_argument("--owner", default="本市", help="清单里写的单位名称")

    def handle(self, *_args: Any, **options: Any) -> None:
        getattr(self, _COMMANDS[options["what"]])(**options)

    def _checkpoint(self, **_options: Any) -> None:
        made = services.checkpoint()
        self.stdout.write(f"检查点：第 {made.seq} 号" if made else "没有新记录，无需签署。")

    def _anchor(self, **_options: Any) -> None:
        signed = trails.anchor()
        self.stdout.write(f"锚点：第 {signed.number} 个" if signed else "没有新记录，无需签署。")

    def _keys(self, **_options: Any) -> None:
        for span in anchor_keys.known_keys():
            end = f"第 {span.until} 个锚点止" if span.until is not None else "现用"
            bad = f"，自 {span.bad_since.isoformat()} 起泄露" if span.bad_since else ""
            self.stdout.write(
                f"{span.key}：{span.signed_in.isoformat()} 启用（{span.reason}），{end}{bad}"
            )

    def _renew(self, *, reason: str, compromised_since: str, **_options: Any) -> None:
        since = trails.moment_of(compromised_since) if compromised_since else None
        name = self._told(lambda: anchor_keys.renew_key(reason=reason, compromised_since=since))
        self.stdout.write(
            f"现用密钥是 {name}，旧私钥已删除。请把新公钥 {anchor_keys.public_key_file()} 交给核验方，"
            "并备份 keys/ 和 audit/anchor-keys.jsonl。"
        )

    def _declare(
        self, *, target: str, reason: str, compromised_since: str, **_options: Any
    ) -> None:
        if not (target and compromised_since):
            raise CommandError(
                "请写明密钥编号和时间：chengshu audit declare-key 编号 --compromised-since 时间"
            )
        since = trails.moment_of(compromised_since)
        self._told(lambda: anchor_keys.declare_compromised(key=target, since=since, reason=reason))
        self.stdout.write(f"已宣布：{target} 自 {since.isoformat()} 起签的不作数。")

    @staticmethod
    def _told(act: Callable[[], _Made]) -> _Made:
        try:
            return act()
        except ChengshuError as error:
            fields = error.fields.values() if isinstance(error, InvalidInput) else ()
            raise CommandError("；".join([error.detail, *fields])) from error

    def _export(self, *, target: str, since: str, until: str, **options: Any) -> None:
        if not target:
            raise CommandError("请写明导出到哪个新文件夹：chengshu audit export 文件夹")
        folder = Path(target)
        period = Period(
            trails.moment_of(since) if since else None,
            trails.moment_of(until, end=True) if until else None,
        )
        made = trails.export_trails(folder, period, owner=options["owner"])
        for chain in made.chains:
            self.stdout.write(f"{chain.name}：第 {chain.first} 至 {chain.last} 条")
        self.stdout.write(
            f"已导出到 {folder}。对方用 chengshu audit verify 文件夹 --key 公钥 核验，"
            f"公钥（{anchor_keys.public_key_file()}）请另行交付。"
        )

    def _verify(self, **_options: Any) -> None:
        report = verify()
        self.stdout.write(
            f"共 {report.records:,} 条记录，{report.checkpoints:,} 个检查点，链头 {report.head[:16]}…"
        )
        if not report.intact:
            raise CommandError("校验没有通过：\n" + "\n".join(f"- {p}" for p in report.problems))
        self.stdout.write(self.style.SUCCESS("链条完整，没有发现改动、删除或调换。"))
