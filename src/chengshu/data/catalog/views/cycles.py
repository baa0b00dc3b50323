"""The lengths of the update cycles, with what they rest on."""

from django.http import HttpResponse
from django.urls import reverse

from chengshu.data.catalog.models import CyclePolicy
from chengshu.data.catalog.services import cycles as services
from chengshu.data.catalog.standard_forms import CyclesForm
from chengshu.data.catalog.views.form_pages import form_page, posted
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.ui.components import Crumb


def cycles(request: ActorRequest) -> HttpResponse:
    """See and change the lengths."""
    item = services.policy()
    figures = {name: getattr(item, name) for name in CyclePolicy.LENGTHS}
    form = CyclesForm(posted(request), initial=figures)

    def save() -> tuple[str, str]:
        given = {name: form.cleaned_data[name] for name in CyclePolicy.LENGTHS}
        services.change_cycles(actor=request.actor, reason=form.cleaned_data["reason"], **given)
        return reverse("catalog:cycles"), "更新时限已修改，正在重算全部资源的时限。"

    return form_page(
        request, form, save, title="更新时限", submit="保存时限", template="catalog/cycles.html",
        subtitle="每个更新周期多久算逾期；保存后全部资源按新的时限重算。",
        crumbs=[Crumb("更新逾期", reverse("catalog:overdue")), Crumb("更新时限")],
        cancel_url=reverse("catalog:overdue"), changed=item if item.pk else None,
    )  # fmt: skip
