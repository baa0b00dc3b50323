"""Routes of the audit browser."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.oversight import evidence_views, views
from chengshu.kernel.oversight.evidence import PERMISSION as EVIDENCE

_E = "console/audit/evidence/"

app_name = "audit"
urlpatterns = [
    page("console/audit/", views.RecordList.as_view(), name="records", permission="audit.view"),
    page("console/audit/<int:seq>/", views.record_page, name="record", permission="audit.view"),
    page("console/audit/verify/", views.verify, name="verify", permission="audit.verify"),
    page(
        "console/audit/verify/<uuid:pk>/",
        views.verification,
        name="verification",
        permission="audit.verify",
    ),
    page(_E, evidence_views.index, name="evidence", permission=EVIDENCE),
    page(f"{_E}<uuid:pk>/", evidence_views.job_page, name="evidence-job", permission=EVIDENCE),
    page(
        f"{_E}<uuid:pk>/download/",
        evidence_views.download,
        name="evidence-download",
        permission=EVIDENCE,
    ),
    page(f"{_E}key/", evidence_views.public_key, name="public-key", permission=EVIDENCE),
    page(f"{_E}check/", evidence_views.check, name="check", permission=EVIDENCE),
    page(
        f"{_E}check/<uuid:pk>/",
        evidence_views.check_page,
        name="evidence-check",
        permission=EVIDENCE,
    ),
    page("console/audit/keys/", evidence_views.keys, name="keys", permission="audit.keys"),
]
