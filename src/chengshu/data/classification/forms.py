"""Forms of the scan: they parse; the services judge."""

from django import forms

from chengshu.kernel.errors import InvalidInput


class DismissForm(forms.Form):
    """Why a finding is a false alarm."""

    reason = forms.CharField(
        label="为什么是误报", max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="例如：是单位总机，不是个人手机号。写明后不再重复提示这一项。",
    )  # fmt: skip

    def show(self, error: InvalidInput) -> None:
        """Put the service's message beside the field."""
        for name, text in error.fields.items():
            if not self.has_error(name):
                self.add_error(name, text)
