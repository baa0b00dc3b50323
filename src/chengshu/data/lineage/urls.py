"""Routes of lineage in the console."""

from chengshu.data.lineage.views import pages
from chengshu.kernel.access.routing import page

VIEW = "lineage.view"
ROOT = "console/data/lineage/"

app_name = "lineage"
urlpatterns = [
    page(ROOT, pages.graph, name="graph", permission=VIEW),
    page(f"{ROOT}openlineage.json", pages.export, name="export", permission=VIEW),
    page(f"{ROOT}resources/<int:resource_id>/", pages.resource, name="resource", permission=VIEW),
]
