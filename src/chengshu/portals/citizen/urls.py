"""Routes of the citizen portal."""

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.portals.citizen import data_uses, notices, views

app_name = "citizen"
urlpatterns = [
    page("", views.home, name="home", permission=PUBLIC),
    page("me/", views.me, name="me", permission=SIGNED_IN),
    page("me/data-uses/", data_uses.overview, name="data-uses", permission=SIGNED_IN),
    page("me/data-uses/single/", data_uses.single, name="data-uses-single", permission=SIGNED_IN),
    page("me/data-uses/ask/", data_uses.ask, name="data-uses-ask", permission=SIGNED_IN),
    page("me/notices/", notices.inbox, name="notices", permission=SIGNED_IN),
    page("me/notices/read-all/", notices.read_all, name="notices-read", permission=SIGNED_IN),
    page("me/notices/<int:receipt_id>/", notices.notice, name="notice", permission=SIGNED_IN),
    page("departments/", views.departments, name="departments", permission=PUBLIC),
]
