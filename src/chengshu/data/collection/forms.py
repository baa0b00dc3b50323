"""Forms of collection plans."""

from collections.abc import Sequence
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms

from chengshu.data.collection.choices import (
    MODE_HELP,
    CatchUp,
    CursorKind,
    Mode,
    ScheduleKind,
    Step,
)
from chengshu.data.collection.models import Plan
from chengshu.data.collection.selectors import plans
from chengshu.data.collection.services.plans import Settings
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.ui.components import FormSection

MOST_PERCENT = 100
_FIRST_ZONES = ("Asia/Shanghai", "UTC")


def _zones() -> list[tuple[str, str]]:
    others = sorted(z for z in available_timezones() if z.startswith("Asia/"))
    return [(zone, zone) for zone in dict.fromkeys((*_FIRST_ZONES, *others))]


class PlanForm(forms.Form):
    """Everything about a plan beside the mapping."""

    name = forms.CharField(label="任务名称", max_length=120)
    mode = forms.ChoiceField(
        label="方式", widget=forms.RadioSelect,
        choices=[(mode.value, f"{mode.label}：{MODE_HELP[mode]}") for mode in Mode],
    )  # fmt: skip
    cursor_column = forms.ChoiceField(
        label="游标列", required=False,
        help_text="行变动时会跟着变大的列，如更新时间、自增序号；按游标增量必选，补采和分段对账也用它",
    )  # fmt: skip
    cursor_kind = forms.ChoiceField(
        label="游标类型", required=False, choices=[("", "没有游标"), *CursorKind.choices]
    )
    lag = forms.IntegerField(
        label="回看窗口", required=False, min_value=0, initial=0,
        help_text="晚到的数据往回多读一段：日期时间按分钟，日期按天，数字按个数",
    )  # fmt: skip
    source_zone = forms.ChoiceField(
        label="来源时区", help_text="来源里不带时区的时间按它理解",
        choices=_zones,
    )  # fmt: skip
    max_lost_percent = forms.IntegerField(
        label="最多删除（%）", min_value=0, max_value=MOST_PERCENT, initial=20,
        help_text="全量覆盖、快照比对时，湖里会少掉的超过这个比例就停下，等人确认",
    )  # fmt: skip
    schedule = forms.ChoiceField(label="什么时候运行", choices=ScheduleKind.choices)
    at_time = forms.TimeField(
        label="时刻", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="每个工作日、每天要填；工作日按工作日历，调休也算",
    )  # fmt: skip
    cron = forms.CharField(
        label="cron", required=False, max_length=80,
        help_text="分 时 日 月 周，如 0 */2 * * * 表示每两小时；自定义时填",
    )  # fmt: skip
    catch_up = forms.ChoiceField(
        label="停机错过之后", choices=CatchUp.choices, initial=CatchUp.ONCE
    )
    depends_on = forms.ModelMultipleChoiceField(
        label="前置任务", queryset=Plan.objects.none(), required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="当天这些任务成功之后才运行",
    )  # fmt: skip
    check_after = forms.BooleanField(label="每次归集后自动对账", required=False)
    check_schedule = forms.ChoiceField(
        label="定时对账", choices=ScheduleKind.choices, initial=ScheduleKind.MANUAL, required=False,
        help_text="与归集分开定时，如每个工作日夜里；正在归集时会等它结束",
    )  # fmt: skip
    check_at = forms.TimeField(
        label="对账时刻", required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )  # fmt: skip
    check_cron = forms.CharField(
        label="对账 cron", required=False, max_length=80, help_text="自定义时填，如 30 2 * * 1"
    )
    sections: ClassVar = (
        FormSection("叫什么", ("name",)),
        FormSection("怎样归集", ("mode", "max_lost_percent")),
        FormSection("按哪一列分先后", ("cursor_column", "cursor_kind", "lag", "source_zone")),
        FormSection("什么时候", ("schedule", "at_time", "cron", "catch_up", "depends_on")),
        FormSection(
            "对账",
            ("check_after", "check_schedule", "check_at", "check_cron"),
            help="来源和湖里是不是同样的数据；不一致会通知您，看板上也看得到。",
        ),
    )

    def __init__(
        self,
        *args: Any,
        actor: Actor,
        columns: Sequence[str],
        plan: Plan | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        chosen = [("", "没有")] + [(name, name) for name in columns]
        self.fields["cursor_column"].choices = chosen  # type: ignore[attr-defined]
        others = plans(actor) if plan is None else plans(actor).exclude(pk=plan.pk)
        self.fields["depends_on"].queryset = others  # type: ignore[attr-defined]
        if not others.exists():
            self.fields["depends_on"].help_text = "还没有别的归集任务"

    @staticmethod
    def values_of(plan: Plan) -> dict[str, Any]:
        """A plan as initial values."""
        values = {name: getattr(plan, name) for name in Settings.__slots__}
        return values | {"depends_on": list(plan.depends_on.all())}

    def settings(self) -> Settings:
        """What was filled in."""
        data = dict(self.cleaned_data)
        data.pop("depends_on", None)
        data["lag"] = data["lag"] or 0
        data["check_schedule"] = data["check_schedule"] or ScheduleKind.MANUAL
        return Settings(**data)

    def predecessors(self) -> list[Plan]:
        """The plans to wait for."""
        return list(self.cleaned_data["depends_on"])

    def place(self, error: ChengshuError) -> None:
        """Show a refusal beside its fields."""
        for name, words in error.fields.items():
            self.add_error(name if name in self.fields else None, words)
        if not error.fields:
            self.add_error(None, error.detail)


class PauseForm(forms.Form):
    """Why a plan stops."""

    reason = forms.CharField(
        label="为什么暂停", max_length=200, help_text="别人会看到，如“来源系统停机维护”"
    )


class BackfillForm(forms.Form):
    """The range of a back-fill."""

    first = forms.DateField(
        label="从", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    last = forms.DateField(
        label="到", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    step = forms.ChoiceField(
        label="分段", choices=Step.choices, help_text="一段一段地补，中断了从断的那段接着补"
    )
