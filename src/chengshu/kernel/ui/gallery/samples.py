"""Sample data of the gallery. Every text says that it is a sample; no figure comes from the city."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from chengshu.kernel.ui.components import (
    Action,
    Balance,
    Change,
    Chart,
    Column,
    Crumb,
    DiffTable,
    EmptyState,
    Fact,
    FormSection,
    Progress,
    Series,
    Stat,
    Step,
    Tab,
    Table,
    TimelineEntry,
)

DEPARTMENTS = ("示例局甲", "示例局乙", "示例局丙", "示例局丁", "示例局戊", "示例局己")
CALL = """curl -sS 'https://share.example/v1/sample-resource?key=330383000000' \\
  -H 'X-App: sample-app' \\
  -H 'X-Timestamp: 2026-11-23T14:05:00+08:00' \\
  -H 'X-Signature: …'"""


class SampleForm(forms.Form):
    """One field of every kind."""

    sections = (
        FormSection("基本信息", ("name", "kind", "summary"), "填好这三项就能保存草稿。"),
        FormSection("共享与更新", ("sharing", "cycle", "open_data")),
    )
    name = forms.CharField(
        label="资源名称", max_length=40, help_text="写业务上的叫法，例如“示例登记信息”。"
    )
    kind = forms.ChoiceField(
        label="资源类别", choices=[("", "请选择"), ("base", "基础"), ("theme", "主题")]
    )
    summary = forms.CharField(label="摘要", required=False, widget=forms.Textarea)
    sharing = forms.ChoiceField(
        label="共享类型",
        choices=[("free", "无条件共享"), ("asked", "有条件共享"), ("none", "不予共享")],
        widget=forms.RadioSelect,
        help_text="不予共享须写明依据。",
    )
    cycle = forms.ChoiceField(label="更新周期", choices=[("day", "每日"), ("month", "每月")])
    open_data = forms.BooleanField(label="同时申请向社会开放", required=False)
    sheet = forms.FileField(
        label="数据文件", help_text="CSV 或 XLSX；编码会自动识别，提交前可以更正。"
    )


class SignInSample(forms.Form):
    """What a sign-in page asks for."""

    username = forms.CharField(label="账号")
    password = forms.CharField(label="密码", widget=forms.PasswordInput)


def form(*, with_errors: bool) -> SampleForm:
    """The sample form, empty or as it comes back after mistakes."""
    if not with_errors:
        return SampleForm(initial={"sharing": "asked"}, auto_id="sample_%s")
    return SampleForm(
        {"name": "示例登记信息", "sharing": "asked", "cycle": "day"}, auto_id="wrong_%s"
    )


def stats() -> list[Stat]:
    """Tiles."""
    return [
        Stat(label="数据项（示例）", value=10_234, unit="项", note="较上月多 120 项", url="#stats"),
        Stat(label="归集记录（示例）", value=6_123_456, unit="条", compact=True, note="悬停看全数"),
        Stat(label="即将到期（示例）", value=3, unit="件", tone="amber", note="2 个工作日内", note_icon="alarm"),
        Stat(label="已超期（示例）", value=1, unit="件", tone="red", note="最久 1 天", note_icon="alert-triangle"),
        Stat(label="尚无数据（示例）", value=None, unit="次"),
    ]  # fmt: skip


def charts() -> list[Chart]:
    """One chart of every kind."""
    months = [f"{month} 月" for month in range(1, 13)]
    wave = [120, 132, 148, 171, 166, 190, 214, 208, 236, 251, 247, 270]
    lines = [
        Series(f"示例部门{name}", [v * (i + 2) // 4 + i * 9 for v in wave])
        for i, name in enumerate("甲乙丙丁")
    ]
    return [
        Chart(key="bar", title="柱形（示例）", kind="bar", categories=months, unit="次",
              series=[Series("示例接口甲", wave), Series("示例接口乙", [v // 2 + 20 for v in wave])]),
        Chart(key="line", title="折线（示例）", kind="line", categories=months, unit="次",
              series=lines),
        Chart(key="area", title="面积（示例）", kind="area", categories=months, unit="条",
              series=[Series("入库", [v * 997 for v in wave])]),
        Chart(key="hbar", title="条形（示例）", kind="hbar", categories=DEPARTMENTS, unit="项",
              series=[Series("数据项", [812, 640, 521, 388, 240, 96])]),
        Chart(key="pie", title="环形（示例）", kind="pie", categories=("无条件共享", "有条件共享", "不予共享"),
              unit="个", series=[Series("资源", [148, 110, 15])]),
        Chart(key="tree", title="矩形树（示例）", kind="treemap", categories=DEPARTMENTS, unit="条",
              series=[Series("记录", [2_100_000, 1_240_000, 860_000, 420_000, 260_000, 90_000])]),
    ]  # fmt: skip


def progress(*, poll_url: str = "") -> list[Progress]:
    """Work in every state; the first one moves with the clock to show live updates."""
    second = timezone.localtime().second
    done = second * 10_342
    return [
        Progress(key="live", title="入库：示例登记信息", state="running", percent=second * 100 // 60,
                 stage="校验第 3 批", done=done, total=620_573, rate=10_342.0,
                 remaining=60.0 - second, counts=(("隔离", done // 900), ("重复", done // 4000)),
                 poll_url=poll_url),
        Progress(key="done", title="入库：示例许可信息", state="succeeded", percent=100, done=48_200,
                 total=48_200, counts=(("隔离", 12),), finished=True),
        Progress(key="bad", title="入库：示例人员信息", state="failed", percent=41, done=19_760, total=48_200,
                 error="第 19,761 行有 16 列，表头只有 15 列。前面各批已整体撤回。请补好这一行后重新上传。",
                 finished=True),
    ]  # fmt: skip


def timeline() -> list[TimelineEntry]:
    """A history."""
    now = timezone.now()
    return [
        TimelineEntry(title="审核通过并发布", who="示例·王审核", at=now - timedelta(minutes=12),
                      tone="teal", icon="check"),
        TimelineEntry(title="退回补正", who="示例·王审核", at=now - timedelta(hours=20), tone="amber",
                      icon="arrow-back-up", text="“证件号码”缺少敏感级别，请补上后再提交。"),
        TimelineEntry(title="提交审核", who="示例·李专员", at=now - timedelta(days=2), tone="blue", icon="send"),
        TimelineEntry(title="登记草稿", who="示例·李专员", at=now - timedelta(days=40), icon="pencil"),
    ]  # fmt: skip


def plain_table() -> Table:
    """A small table."""
    now = timezone.now()
    rejected = (
        (18, "身份证号码", "3.30327E+17", "证件号码必须是 18 位文本", "pending", 0),
        (204, "登记日期", "二〇二六年十三月", "不是有效日期", "pending", 3),
        (377, "统一社会信用代码", "91330383MA2X", "长度应为 18 位", "closed", 26),
    )
    rows = [
        {"row": row, "column": column, "value": value, "rule": rule, "state": state,
         "at": now - timedelta(hours=hours)}
        for row, column, value, rule, state, hours in rejected
    ]  # fmt: skip
    columns = (
        Column(key="row", title="行号", kind="number"),
        Column(key="column", title="列", kind="main"),
        Column(key="value", title="原值", kind="code"),
        Column(key="rule", title="未通过的规则"),
        Column(key="state", title="状态", kind="status"),
        Column(key="at", title="时间", kind="ago"),
    )
    return Table.plain(key="rejected", columns=columns, rows=rows, caption="隔离的行（示例）")


def context() -> dict[str, Any]:
    """Everything the component page shows."""
    return {
        "crumbs": [Crumb("系统管理"), Crumb("组件样例")],
        "stats": stats(),
        "charts": charts(),
        "progress": progress(),
        "timeline": timeline(),
        "plain_table": plain_table(),
        "form": form(with_errors=False),
        "wrong_form": form(with_errors=True),
        "sign_in": SignInSample(auto_id="sign_in_%s"),
        "balance": Balance(source=620_573, accepted=618_902, quarantined=1_204, duplicates=467),
        "unbalanced": Balance(source=1_000, accepted=900, quarantined=60, duplicates=30),
        "steps": [
            Step("登记系统", "done", "示例"), Step("生成目录", "done"), Step("提交审核", "now", "待审核"),
            Step("归集数据"), Step("发布共享"),
        ],
        "tabs": [Tab("概况", "#", active=True), Tab("数据项", "#", count=42), Tab("版本", "#", count=3)],
        "facts": [
            Fact("资源代码", "3/01/0001（示例）", mono=True), Fact("提供单位", DEPARTMENTS[0]),
            Fact("共享类型", "有条件共享"), Fact("更新周期", "每日"), Fact("依据", ""),
        ],
        "diff": DiffTable(old_title="第 2 版", new_title="第 3 版", changes=[
            Change("证件号码 · 长度", "15", "18"), Change("联系电话", None, "文本 11 位"),
            Change("传真", "文本 20 位", None),
        ]),
        "empty": EmptyState(
            title="还没有登记信息系统", icon="server",
            text="登记后就能从文件或数据库生成目录。先从本单位正在用的一个系统开始。",
            action=Action(title="登记一个系统", url="#empty", icon="plus", primary=True),
        ),
        "call": CALL,
    }  # fmt: skip
