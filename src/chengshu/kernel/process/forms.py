"""Forms of the process pages: a step's own fields, and one small form for each act."""

from typing import Any

from django import forms

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account
from chengshu.kernel.process.definition.elements import FormField, Step

_AREA = forms.Textarea(attrs={"rows": 3})


class ServiceForm(forms.Form):
    """A form that shows what a service refused beside its fields."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("auto_id", f"{type(self).__name__.lower()}_%s")
        super().__init__(*args, **options)

    def show(self, error: InvalidInput) -> None:
        """Put the messages of a service where they belong."""
        for name, text in error.fields.items():
            self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


class StepForm(ServiceForm):
    """What a step asks for: its fields and the opinion. The outcome is the button that was pressed."""

    def __init__(
        self, *args: Any, step: Step, phrases: list[str], ask: bool = True, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        for item in step.fields if ask else ():
            self.fields[item.key] = _field(item)
        if phrases:
            self.fields["phrase"] = forms.ChoiceField(
                label="常用语", required=False,
                choices=[("", "不用"), *((text, text) for text in phrases)],
            )  # fmt: skip
        self.fields["comment"] = forms.CharField(label="意见", required=False, widget=_AREA)

    def opinion(self) -> str:
        """The words typed, or the phrase chosen."""
        said: str = self.data.get("comment", "").strip()
        return said or str(self.data.get("phrase", ""))


def _field(item: FormField) -> forms.Field:
    # Required fields and values are the service's to judge: page, interface and program then hear the same words.
    shared: dict[str, Any] = {"label": item.label, "required": False}
    match item.type:
        case "longtext":
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), **shared)
        case "number":
            return forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **shared)
        case "date":
            widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
            return forms.CharField(widget=widget, **shared)
        case "yesno":
            return forms.BooleanField(**shared)
        case "choice":
            return forms.ChoiceField(choices=[("", "请选择"), *item.choices], **shared)
    return forms.CharField(**shared)


class SayForm(ServiceForm):
    """Words alone."""

    text = forms.CharField(label="内容", required=False, widget=_AREA)

    def __init__(self, *args: Any, label: str = "内容", **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["text"].label = label


class PersonForm(SayForm):
    """A colleague, and words."""

    person = forms.ModelChoiceField(Account.objects.none(), label="交给", empty_label="请选择")

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["person"].queryset = colleagues(actor)  # type: ignore[attr-defined]
        self.order_fields(["person", "text"])


class BackForm(SayForm):
    """Where to return to, whether it comes straight back, and why."""

    step = forms.ChoiceField(label="退回到")
    straight = forms.BooleanField(label="改好后直接回到我这里", required=False)

    def __init__(self, *args: Any, steps: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["step"].choices = steps  # type: ignore[attr-defined]
        self.order_fields(["step", "text", "straight"])


class JumpForm(SayForm):
    """Where to jump to, and why."""

    step = forms.ChoiceField(label="跳到")

    def __init__(self, *args: Any, steps: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["step"].choices = steps  # type: ignore[attr-defined]
        self.order_fields(["step", "text"])


class FileForm(ServiceForm):
    """One file."""

    file = forms.FileField(label="文件")


def colleagues(actor: Actor) -> Any:
    """Staff of the actor's own organisation, themselves not."""
    account = actor.account
    if account is None:
        return Account.objects.none()
    rows = Account.objects.filter(
        organization=account.organization, kind=AccountKind.STAFF, is_active=True
    )
    return rows.exclude(pk=account.pk).order_by("display_name")
