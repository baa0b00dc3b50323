"""Routes of the search page."""

from chengshu.data.catalog.finding import views
from chengshu.kernel.access.routing import page

_VIEW = "catalog.resource.view"

app_name = "catalog_finding"
urlpatterns = [
    page("console/catalog/search/", views.search, name="search", permission=_VIEW),
    page("console/catalog/search/suggest/", views.suggest, name="suggest", permission=_VIEW),
]
