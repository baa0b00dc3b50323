"""Routes of the citizen portal."""

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.portals.citizen import views

app_name = "citizen"
urlpatterns = [
    page("", views.home, name="home", permission=PUBLIC),
    page("me/", views.me, name="me", permission=SIGNED_IN),
    page("departments/", views.departments, name="departments", permission=PUBLIC),
]
