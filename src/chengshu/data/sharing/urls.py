"""Routes of sharing in the console."""

from django.views.decorators.http import require_POST

from chengshu.data.sharing.views import (
    applications,
    calls,
    candidates,
    grants,
    guide,
    interfaces,
    public_keys,
    query_columns,
    report,
    shelf,
    sources,
)
from chengshu.kernel.access.routing import page

VIEW, PUBLISH, GRANT = "sharing.view", "sharing.interface.manage", "sharing.grant.manage"
APPLICATION, KEY, VERIFY = "sharing.application.manage", "sharing.key.manage", "sharing.verify"
ROOT = "console/sharing/"
_I = f"{ROOT}interfaces/"
_A = f"{ROOT}applications/"
_G = f"{ROOT}grants/"

app_name = "sharing"
urlpatterns = [
    page(_I, shelf.InterfaceList.as_view(), name="interfaces", permission=VIEW),
    page(f"{_I}choose/", require_POST(shelf.choose), name="interface-choose", permission=VIEW),
    page(f"{_I}compare/", shelf.compare, name="interface-compare", permission=VIEW),
    page(f"{_I}new/", candidates.CandidateList.as_view(), name="interface-new", permission=PUBLISH),
    page(f"{_I}new/<path:code>/", interfaces.create, name="interface-create", permission=PUBLISH),
    page(f"{_I}proxy/new/<path:code>/", sources.create, name="source-new", permission=PUBLISH),
    page(f"{_I}<slug:code>/source/", sources.change, name="interface-source", permission=PUBLISH),
    page(f"{_I}<slug:code>/", interfaces.detail, name="interface", permission=VIEW),
    page(f"{_I}<slug:code>/sample/", shelf.sample, name="interface-sample", permission=VIEW),
    page(f"{_I}<slug:code>/progress/", interfaces.progress, name="interface-progress", permission=VIEW),
    page(f"{_I}<slug:code>/refresh/", interfaces.refresh, name="interface-refresh", permission=PUBLISH),
    page(f"{_I}<slug:code>/query/", query_columns.change, name="interface-query", permission=PUBLISH),
    page(f"{_I}<slug:code>/offline/", interfaces.offline, name="interface-offline", permission=PUBLISH),
    page(f"{_I}<slug:code>/online/", interfaces.online, name="interface-online", permission=PUBLISH),
    page(f"{_I}<slug:code>/grant/", grants.create, name="grant-new", permission=GRANT),
    page(_A, applications.ApplicationList.as_view(), name="applications", permission=VIEW),
    page(f"{_A}new/", applications.create, name="application-new", permission=APPLICATION),
    page(f"{_A}<slug:code>/", applications.detail, name="application", permission=VIEW),
    page(
        f"{_A}<slug:code>/suspend/", applications.suspend, name="application-suspend",
        permission=APPLICATION,
    ),
    page(
        f"{_A}<slug:code>/resume/", applications.resume, name="application-resume",
        permission=APPLICATION,
    ),
    page(f"{_A}<slug:code>/keys/new/", applications.issue, name="key-new", permission=KEY),
    page(
        f"{_A}<slug:code>/keys/register/", public_keys.register, name="key-register", permission=KEY
    ),
    page(
        f"{_A}<slug:code>/keys/<slug:key_id>/revoke/", applications.revoke, name="key-revoke",
        permission=KEY,
    ),
    page(_G, grants.GrantList.as_view(), name="grants", permission=VIEW),
    page(f"{_G}<int:pk>/", grants.detail, name="grant", permission=VIEW),
    page(f"{_G}<int:pk>/change/", grants.change, name="grant-change", permission=GRANT),
    page(f"{_G}<int:pk>/guide/", guide.page, name="grant-guide", permission=VIEW),
    page(f"{_G}<int:pk>/openapi.json", guide.openapi, name="grant-openapi", permission=VIEW),
    page(f"{_G}<int:pk>/contract.json", guide.contract, name="grant-contract", permission=VIEW),
    page(f"{_G}<int:pk>/<slug:verb>/", grants.state, name="grant-state", permission=GRANT),
    page(f"{ROOT}calls/", calls.board, name="calls", permission=VIEW),
    page(f"{ROOT}calls/report/", report.report, name="report", permission=VIEW),
    page(f"{ROOT}calls/records/", calls.record_list, name="records", permission=VIEW),
    page(f"{ROOT}calls/verify/", calls.verify, name="verify", permission=VERIFY),
    page(
        f"{ROOT}calls/verifications/<uuid:pk>/", calls.verification, name="verification",
        permission=VIEW,
    ),
]  # fmt: skip
