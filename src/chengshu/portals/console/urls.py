"""Routes of the console."""

from chengshu.kernel.access.routing import PUBLIC, page
from chengshu.portals.console import views

app_name = "console"
urlpatterns = [
    page("healthz", views.health, name="health", permission=PUBLIC),
    page("console/", views.home, name="home", permission="console.enter"),
    page("console/search/", views.search, name="search", permission="console.enter"),
]
