"""How clues read on pages: what was seen in one sentence, why it counts, what to do, the evidence as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.sharing.hints.models import PAST, CallHint, HintKind, HintState, Severity
from chengshu.data.sharing.usage import outcome_name
from chengshu.kernel.ui.components import Action, Column, EmptyState, Fact, StatusTag, Table

TONES = {HintState.OPEN: "pending", HintState.DISMISSED: "closed", HintState.HANDLED: "succeeded"}
RULES = {
    HintKind.VOLUME: "和这个应用前 12 周同一星期几、同一钟点比，远高于通常的波动。到通常的十倍以上算严重。",
    HintKind.HOURS: "这个应用平时在这些钟点几乎不调用，这次却很多。",
    HintKind.SCAN: "一天里查不到的比往常多得多，而且几乎都是不同的主键，像在逐个试。主键只存散列，看不出是不是连号。",
    HintKind.SLOWED: "一分钟内查无记录过多，网关已让这个接口对它暂缓。",
    HintKind.GUESS: "同一条记录当天核验不符次数过多，被网关拒绝，像在逐个试值。",
    HintKind.LOCKED: "连续用错误的密钥尝试，网关已锁定来源地址。应用编号只是对方自称。",
    HintKind.NETWORK: "签名正确，来源地址却不在登记的网段里。",
    HintKind.TOKEN: "令牌是真的，随附的证明或客户端证书不对。",
    HintKind.UNPROVEN: "一天内 20 次以上签名或令牌不对。应用编号只是对方自称。",
    HintKind.REPLAYED: "同一个请求（随机数相同）一天内发来 5 次以上。",
    HintKind.MISSING: "一天内查无记录 100 次以上，比查到的还多；可能在慢慢试主键。",
}
ADVICE = {
    HintKind.VOLUME: "请使用单位说明集中办理了什么；说不清的，先暂停授权。",
    HintKind.HOURS: "请使用单位核对是不是定时任务；不是的，密钥可能落到别处，先暂停授权，再更换密钥。",
    HintKind.SCAN: "请使用单位说明主键从哪里来；说不清的，暂停授权。",
    HintKind.SLOWED: "请使用单位说明主键从哪里来；说不清的，暂停授权。",
    HintKind.GUESS: "请使用单位核对材料来源；像是试值的，暂停授权。",
    HintKind.LOCKED: "查明细里的来源地址；是自己的服务器，换密钥时先在一台上试通。",
    HintKind.NETWORK: "密钥可能落到别处，请使用单位核对来源地址，必要时更换密钥。",
    HintKind.TOKEN: "令牌可能被他人拿走试用，请使用单位核对，必要时吊销换它的密钥或登记的证书。",
    HintKind.UNPROVEN: "请使用单位核对密钥；不是他们的，查明细里的来源地址。",
    HintKind.REPLAYED: "多为重试没有换随机数；不是的，请求可能被截获，请更换密钥。",
    HintKind.MISSING: "请使用单位核对主键来源。",
}
SEVERITIES = {
    Severity.SEVERE: StatusTag("严重", "red", "alert-triangle"),
    Severity.NORMAL: StatusTag("一般", "amber", "info-circle"),
}
EMPTY = EmptyState(
    title="没有线索", icon="shield-check",
    text="每小时和各应用自己的过去比一次，被网关拒绝的每五分钟看一次；有不对劲的，会出现在这里。",
)  # fmt: skip


def severity(item: CallHint) -> StatusTag:
    """The tag of a clue's severity."""
    return SEVERITIES[Severity(item.severity)]


def interface_name(item: CallHint) -> str:
    """The interface's title, the code it was asked by, or that it is about all of them."""
    if item.interface:
        return item.interface.title
    return item.asked or ("全部接口" if item.kind in PAST else "没有写明")


def seen(item: CallHint) -> str:
    """What was found on the last day, in one sentence."""
    found = item.latest
    if hours := found.get("hours"):
        worst = max(hours, key=lambda row: row["calls"])
        return f"{worst['hour']} 点 {worst['calls']:,} 次，通常 {worst['usual']:,.0f} 次"
    if "missing" in found:
        return f"查不到 {found['misses']:,} 次，{found['missing']:,} 个不同主键"
    if "refused" in found:
        return f"{found['refused']:,} 次“{outcome_name(found['outcome'])}”，共 {found['calls']:,} 次调用"
    return ""


def columns() -> tuple[Column, ...]:
    """The columns of the list, which the panel of the calls page shares."""
    return (
        Column(key="caller", title="应用", kind="main", value="who", locked=True,
               url=lambda r: r.get_absolute_url(), sort="caller"),
        Column(key="kind", title="类别", value="get_kind_display", sort="kind"),
        Column(key="severity", title="程度", value=severity, sort="severity"),
        Column(key="asked", title="接口", value=interface_name, sort="asked"),
        Column(key="seen", title="依据", value=seen),
        Column(key="state", title="状态", kind="status", sort="state",
               value=lambda r: TONES[HintState(r.state)], label=lambda r: r.get_state_display()),
        Column(key="last", title="最近", kind="date", value="last_day", sort="last_day"),
        Column(key="first", title="最早", kind="date", value="first_day", sort="first_day", hidden=True),
        Column(key="owner", title="使用单位", value="application.owner.short", hidden=True),
        Column(key="reason", title="判断理由", value="reason"),
    )  # fmt: skip


def panel_table(rows: Sequence[CallHint]) -> Table:
    """Open clues as the calls page shows them."""
    shown = [c for c in columns() if not c.hidden and c.key not in ("state", "reason")]
    return Table.plain(
        key="clues", columns=shown, rows=rows, caption="待判断的异常线索", empty=EMPTY
    )


def actions(item: CallHint) -> list[Action]:
    """Where to look next: the calls, the application."""
    asked = {"application": item.caller, "interface": item.asked}
    if outcome := item.latest.get("outcome"):
        asked["outcome"] = outcome
    query = urlencode({key: value for key, value in asked.items() if value})
    found = [Action(title="看调用明细", url=f"{reverse('sharing:records')}?{query}", icon="list")]
    if item.application:
        url = reverse("sharing:application", args=[item.application.code])
        found.append(Action(title="看应用", icon="apps", url=url))
    return found


def facts(item: CallHint) -> list[Fact]:
    """The particulars of a clue."""
    decided = f"{item.decided_by}，{item.decided_at:%Y-%m-%d %H:%M}" if item.decided_at else ""
    owner = item.application.owner.name if item.application else "没有这个应用，编号是对方自称"
    several = item.first_day != item.last_day
    return [
        Fact("应用", item.who), Fact("使用单位", owner), Fact("接口", interface_name(item)),
        Fact("怎么发现的", "和应用自己的过去比" if item.kind in PAST else "网关拒绝的调用"),
        Fact("日期", f"{item.first_day} 至 {item.last_day}" if several else str(item.last_day)),
        Fact("发现时间", f"{item.found_at:%Y-%m-%d %H:%M}"),
        Fact("判断", decided), Fact("判断理由", item.reason),
    ]  # fmt: skip


def evidence_table(item: CallHint) -> Table:
    """The evidence as rows: hours with what is usual, days with their keys, or days with what was refused."""
    days = reversed(item.evidence.items())
    if item.kind in (HintKind.VOLUME, HintKind.HOURS):
        rows = [{**hour, "day": day} for day, found in days for hour in found.get("hours", [])]
        chosen: tuple[tuple[str, str], ...] = (
            ("calls", "调用（次）"), ("usual", "通常（中位数）"), ("most", "以往最多"),
            ("score", "超出几倍波动"),
        )  # fmt: skip
    else:
        rows = [{**found, "day": day} for day, found in days]
        chosen = (
            ("calls", "查询（次）"), ("misses", "没有查到"), ("missing", "其中不同主键"),
            ("usual", "通常查不到（中位数）"),
        )  # fmt: skip
        if item.kind not in PAST:
            chosen = (("refused", "这样的（次）"), ("calls", "当天共调用（次）"))
    return Table.plain(
        key="evidence", columns=tuple(_evidence_columns(item, chosen)), rows=rows, caption="依据"
    )


def _evidence_columns(item: CallHint, chosen: tuple[tuple[str, str], ...]) -> Iterator[Column]:
    yield Column(key="day", title="日期", kind="main", value=lambda r: r["day"])
    if item.kind in (HintKind.VOLUME, HintKind.HOURS):
        yield Column(key="hour", title="钟点", value=lambda r: f"{r['hour']} 点")
    if item.kind not in PAST:
        yield Column(key="outcome", title="结果", value=lambda r: outcome_name(r["outcome"]))
    for key, title in chosen:
        yield Column(key=key, title=title, kind="number", value=_reader(key))


def _reader(key: str) -> Any:
    return lambda row: row.get(key)
