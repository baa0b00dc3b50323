"""Routes of the cockpit."""

from chengshu.kernel.access.routing import page
from chengshu.portals.cockpit import views

app_name = "cockpit"
urlpatterns = [
    page("cockpit/", views.home, name="home", permission="cockpit.view"),
    page(
        "cockpit/communities/<str:code>/",
        views.community,
        name="community",
        permission="cockpit.view",
    ),
]
