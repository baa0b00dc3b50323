"""Forms of sign-in, passwords, profile, organisations, accounts and roles."""

from typing import TYPE_CHECKING, Any

from django import forms

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.accounts import selectors
from chengshu.kernel.accounts.services.organizations import CODE
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.identity.passwords import MINIMUM_LENGTH
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import FormSection


def show_error(form: forms.BaseForm, error: ChengshuError) -> None:
    """Put a service's refusal where the person looks: beside the field, or on top of the form."""
    for name, text in error.fields.items():
        form.add_error(name if name in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.detail)


if TYPE_CHECKING:  # Django's field cannot be subscripted at run time
    _ModelChoiceField = forms.ModelChoiceField[Organization]
else:
    _ModelChoiceField = forms.ModelChoiceField


class OrganizationChoice(_ModelChoiceField):
    """Units by name, indented by their place in the tree."""

    def label_from_instance(self, obj: Any) -> str:
        depth = str(obj.path).count("/") - 2
        return f"{'　' * depth}{obj.name}"


class SignInForm(forms.Form):
    """Account and password."""

    username = forms.CharField(
        label="账号",
        max_length=60,
        error_messages={"required": "请填写账号"},
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}
        ),
    )
    password = forms.CharField(
        label="密码",
        strip=False,
        max_length=200,
        error_messages={"required": "请填写密码"},
        widget=forms.PasswordInput(
            attrs={"autocomplete": "current-password", "data-password-toggle": "显示密码"}
        ),
    )


class PasswordForm(forms.Form):
    """One's own password: old, new, new again."""

    old = forms.CharField(
        label="原密码",
        strip=False,
        error_messages={"required": "请填写原密码"},
        widget=forms.PasswordInput(
            attrs={"autocomplete": "current-password", "data-password-toggle": "显示原密码"}
        ),
    )
    new = forms.CharField(
        label="新密码",
        strip=False,
        max_length=200,
        error_messages={"required": "请填写新密码"},
        widget=forms.PasswordInput(
            attrs={
                "autocomplete": "new-password",
                "data-password-toggle": "显示新密码",
                "data-password-rules": "password-rules",
                "minlength": MINIMUM_LENGTH,
            }
        ),
    )
    again = forms.CharField(
        label="再输一次新密码",
        strip=False,
        error_messages={"required": "请再输一次新密码"},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", "两次输入的新密码不一样")
        return data


class ProfileForm(forms.Form):
    """What people may change about themselves."""

    display_name = forms.CharField(
        label="姓名", max_length=60, error_messages={"required": "请填写姓名"}
    )
    post = forms.CharField(label="职务", max_length=60, required=False)


class OrganizationForm(forms.Form):
    """A unit of the tree; ``version`` tells whether somebody else changed it meanwhile."""

    sections = (
        FormSection("基本信息", ("name", "short", "code", "kind")),
        FormSection("所在位置", ("parent", "active"), "改动上级会连同下级机构和数据范围一起移动。"),
    )
    name = forms.CharField(label="全称", max_length=120, error_messages={"required": "请填写全称"})
    short = forms.CharField(
        label="简称", max_length=40, required=False, help_text="列表和页头显示简称，不填则显示全称"
    )
    code = forms.RegexField(
        rf"^(?i:{CODE.pattern})$",
        label="机构代码",
        max_length=40,
        help_text="例如 330383-SJ；只能用数字、大写字母、点和横线",
        error_messages={
            "required": "请填写机构代码",
            "invalid": "机构代码只能用数字、大写字母、点和横线",
        },
    )
    kind = forms.ChoiceField(label="类别", choices=OrganizationKind.choices)
    parent = OrganizationChoice(
        label="上级机构", queryset=Organization.objects.none(), required=False, empty_label="（无）"
    )
    active = forms.BooleanField(label="在用", required=False, initial=True)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["parent"]
        assert isinstance(field, OrganizationChoice)
        field.queryset = selectors.organizations(actor, "identity.organization.manage").order_by(
            "path"
        )


class AccountForm(forms.Form):
    """Name, post and unit of an account."""

    display_name = forms.CharField(
        label="姓名", max_length=60, error_messages={"required": "请填写姓名"}
    )
    organization = OrganizationChoice(
        label="所属机构",
        queryset=Organization.objects.none(),
        error_messages={"required": "请选择所属机构"},
        empty_label="请选择",
    )
    post = forms.CharField(label="职务", max_length=60, required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organization"]
        assert isinstance(field, OrganizationChoice)
        field.queryset = (
            selectors.organizations(actor, "identity.account.manage")
            .filter(active=True)
            .order_by("path")
        )


class NewAccountForm(AccountForm):
    """A new account; its one-time password is generated."""

    username = forms.RegexField(
        r"^[\w.@-]+$",
        label="账号名",
        max_length=60,
        help_text="登录用，创建后不能修改；可用字母、数字、点、横线",
        error_messages={
            "required": "请填写账号名",
            "invalid": "账号名只能用文字、数字、点、横线和 @",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("username", "display_name", "organization", "post")


class RoleForm(forms.Form):
    """A role at a unit, perhaps for a time."""

    role = forms.ChoiceField(label="角色", error_messages={"required": "请选择角色"})
    organization = OrganizationChoice(
        label="在哪个机构",
        queryset=Organization.objects.none(),
        help_text="含其全部下级",
        error_messages={"required": "请选择机构"},
        empty_label="请选择",
    )
    valid_until = forms.DateField(
        label="有效期至",
        required=False,
        help_text="当天结束时失效；不填为长期有效",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, actor: Actor, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role, field = self.fields["role"], self.fields["organization"]
        assert isinstance(role, forms.ChoiceField)
        assert isinstance(field, OrganizationChoice)
        named = sorted(registry.roles().values(), key=lambda r: r.name)
        role.choices = [("", "请选择"), *((r.key, r.name) for r in named)]
        field.queryset = selectors.organizations(actor, "identity.role.assign").order_by("path")
        field.initial = account.organization_id


class ReasonForm(forms.Form):
    """Why something is done to an account."""

    reason = forms.CharField(
        label="原因",
        max_length=300,
        error_messages={"required": "请写明原因"},
        help_text="会写入审计记录",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
