"""Public addresses of the catalogue for machines."""

from chengshu.data.catalog.dcat import views
from chengshu.kernel.access.routing import PUBLIC, page

app_name = "catalog_dcat"
urlpatterns = [
    page("catalog", views.negotiated, name="catalog", permission=PUBLIC),
    page("catalog.<slug:suffix>", views.whole, name="whole", permission=PUBLIC),
    page("catalog/dataset/<path:code>", views.dataset, name="dataset", permission=PUBLIC),
]
