"""Routes of the notices."""

from chengshu.kernel.access.routing import SIGNED_IN, page
from chengshu.kernel.notices import views

app_name = "notices"
urlpatterns = [
    page("console/notices/", views.Inbox.as_view(), name="inbox", permission=SIGNED_IN),
    page("console/notices/<int:receipt_id>/", views.notice, name="notice", permission=SIGNED_IN),
    page("console/notices/read-all/", views.read_all, name="read-all", permission=SIGNED_IN),
]
