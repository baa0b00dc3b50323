"""Routes of opening in the console."""

from chengshu.data.opening.views import approvals, candidates, datasets, interfaces, privacy
from chengshu.kernel.access.routing import page

app_name = "opening"
_AT = "console/opening/datasets/"
urlpatterns = [
    page(_AT, datasets.DatasetList.as_view(), name="datasets", permission="opening.view"),
    page(f"{_AT}new/", candidates.CandidateList.as_view(), name="new", permission="opening.manage"),
    page(f"{_AT}new/<path:code>/", datasets.create, name="create", permission="opening.manage"),
    page(f"{_AT}<slug:slug>/", datasets.detail, name="dataset", permission="opening.view"),
    page(f"{_AT}<slug:slug>/edit/", datasets.edit, name="edit", permission="opening.manage"),
    page(
        f"{_AT}<slug:slug>/submit/", approvals.submit, name="approval-submit",
        permission="opening.manage",
    ),
    page(
        f"{_AT}<slug:slug>/approve/", approvals.approve, name="approval-approve",
        permission="opening.approve",
    ),
    page(
        f"{_AT}<slug:slug>/return/", approvals.send_back, name="approval-return",
        permission="opening.approve",
    ),
    page(f"{_AT}<slug:slug>/publish/", datasets.publish, name="publish", permission="opening.publish"),
    page(f"{_AT}<slug:slug>/progress/", datasets.progress, name="progress", permission="opening.view"),
    page(f"{_AT}<slug:slug>/look/", privacy.look, name="look", permission="opening.manage"),
    page(f"{_AT}<slug:slug>/privacy/", privacy.edit, name="privacy", permission="opening.manage"),
    page(f"{_AT}<slug:slug>/way-out/", privacy.apply, name="way-out", permission="opening.manage"),
    page(f"{_AT}<slug:slug>/mend/", datasets.mend, name="mend", permission="opening.manage"),
    page(f"{_AT}<slug:slug>/withdraw/", datasets.withdraw, name="withdraw", permission="opening.publish"),
    page(
        "console/opening/interfaces/", interfaces.InterfaceList.as_view(), name="interfaces",
        permission="opening.view",
    ),
    page(
        "console/opening/interfaces/new/", candidates.InterfaceCandidateList.as_view(),
        name="interface-new",
        permission="opening.publish",
    ),
    page(
        "console/opening/interfaces/new/<path:code>/", interfaces.create, name="interface-create",
        permission="opening.publish",
    ),
    page(
        "console/opening/interfaces/<slug:slug>/", interfaces.detail, name="interface",
        permission="opening.view",
    ),
    page(
        "console/opening/interfaces/<slug:slug>/offline/", interfaces.offline,
        name="interface-offline", permission="opening.publish",
    ),
    page(
        "console/opening/interfaces/<slug:slug>/online/", interfaces.online,
        name="interface-online", permission="opening.publish",
    ),
]  # fmt: skip
