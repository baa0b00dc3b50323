"""Routes of the catalogue."""

from django.views.decorators.http import require_POST

from chengshu.data.catalog.views import editing, exchange, lists, resources, reviewing, systems
from chengshu.kernel.access.routing import page

VIEW, EDIT, SUBMIT = "catalog.resource.view", "catalog.resource.edit", "catalog.resource.submit"
REVIEW, SUSPEND = "catalog.resource.review", "catalog.resource.suspend"
SYSTEM, SYSTEM_EDIT = "catalog.system.view", "catalog.system.edit"
ROOT = "console/catalog/"
ONE = f"{ROOT}resources/<int:resource_id>/"

app_name = "catalog"
urlpatterns = [
    page(f"{ROOT}resources/", lists.ResourceList.as_view(), name="resources", permission=VIEW),
    page(f"{ROOT}resources/new/", editing.new, name="new", permission=EDIT),
    page(ONE, resources.resource, name="resource", permission=VIEW),
    page(f"{ONE}basics/", resources.basics, name="resource-basics", permission=VIEW),
    page(f"{ONE}versions/", resources.versions, name="resource-versions", permission=VIEW),
    page(f"{ONE}versions/<int:number>/", resources.version, name="version", permission=VIEW),
    page(f"{ONE}usage/", resources.usage, name="resource-usage", permission=VIEW),
    page(f"{ONE}diff/", resources.diff, name="diff", permission=VIEW),
    page(f"{ONE}edit/", editing.edit, name="edit", permission=EDIT),
    page(f"{ONE}change/", require_POST(editing.change), name="change", permission=EDIT),
    page(f"{ONE}discard/", require_POST(editing.discard), name="discard", permission=EDIT),
    page(f"{ONE}submit/", require_POST(editing.submit), name="submit", permission=SUBMIT),
    page(f"{ONE}withdraw/", require_POST(editing.withdraw), name="withdraw", permission=SUBMIT),
    page(f"{ONE}state/<slug:verb>/", editing.state, name="state", permission=SUSPEND),
    page(f"{ROOT}reviews/<int:resource_id>/", reviewing.review, name="review", permission=REVIEW),
    page(f"{ROOT}reviews/", lists.ReviewList.as_view(), name="reviews", permission=REVIEW),
    page(f"{ROOT}items/", lists.ItemList.as_view(), name="items", permission=VIEW),
    page(f"{ROOT}systems/", lists.SystemList.as_view(), name="systems", permission=SYSTEM),
    page(f"{ROOT}systems/new/", systems.system_new, name="system-new", permission=SYSTEM_EDIT),
    page(f"{ROOT}systems/<int:system_id>/", systems.system, name="system", permission=SYSTEM),
    page(
        f"{ROOT}systems/<int:system_id>/edit/", systems.system_edit, name="system-edit",
        permission=SYSTEM_EDIT,
    ),
    page(f"{ROOT}warehouses/", lists.WarehouseList.as_view(), name="warehouses", permission=VIEW),
    page(f"{ROOT}libraries/", lists.LibraryList.as_view(), name="libraries", permission=VIEW),
    page(f"{ROOT}code-tables/", lists.CodeTableList.as_view(), name="code-tables", permission=VIEW),
    page(
        f"{ROOT}code-tables/<int:table_id>/", systems.code_table, name="code-table",
        permission=VIEW,
    ),
    page(f"{ROOT}import/", exchange.upload, name="import", permission=EDIT),
    page(f"{ROOT}import/template/", exchange.template, name="import-template", permission=EDIT),
    page(f"{ROOT}import/<uuid:file_id>/", exchange.confirm, name="import-check", permission=EDIT),
    page(f"{ROOT}export/", exchange.export, name="export", permission=VIEW),
]  # fmt: skip
