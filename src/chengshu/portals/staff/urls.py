"""Routes of the staff portal."""

from chengshu.kernel.access.routing import SIGNED_IN, page
from chengshu.portals.staff import views

app_name = "staff"
urlpatterns = [
    page("staff/", views.home, name="home", permission=SIGNED_IN),
    page("staff/apps/", views.applications, name="applications", permission=SIGNED_IN),
    page("staff/me/", views.me, name="me", permission=SIGNED_IN),
]
