"""Routes of the audit browser."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.oversight import views

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
]
