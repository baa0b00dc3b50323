"""Routes of the catalogue."""

from django.views.decorators.http import require_POST

from chengshu.data.catalog.views import (
    code_tables,
    cycles,
    editing,
    elements,
    exchange,
    lists,
    overdue,
    registers,
    resources,
    reviewing,
    systems,
    warehouses,
)
from chengshu.kernel.access.routing import page

VIEW, EDIT, SUBMIT = "catalog.resource.view", "catalog.resource.edit", "catalog.resource.submit"
REVIEW, CYCLES = "catalog.resource.review", "catalog.cycle.manage"
SYSTEM, SYSTEM_EDIT = "catalog.system.view", "catalog.system.edit"
ROOT = "console/catalog/"
ONE = f"{ROOT}resources/<int:resource_id>/"
ELEMENT, PROPOSE = "catalog.element.view", "catalog.element.propose"
ELEMENT_PUBLISH, STANDARD = "catalog.element.publish", "catalog.standard.edit"
ELEMENT_ONE = f"{ROOT}elements/<int:element_id>/"
TABLE = f"{ROOT}code-tables/<int:table_id>/"
BUSINESS_ONE = f"{ROOT}business/<int:item_id>/"

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
    page(f"{ROOT}warehouses/", registers.Warehouses.as_view(), name="warehouses", permission=VIEW),
    page(f"{ROOT}warehouses/new/", registers.warehouse, name="warehouse-new", permission=STANDARD),
    page(
        f"{ROOT}warehouses/<int:warehouse_id>/", warehouses.warehouse, name="warehouse",
        permission=VIEW,
    ),
    page(
        f"{ROOT}warehouses/<int:warehouse_id>/edit/", registers.warehouse, name="warehouse-edit",
        permission=STANDARD,
    ),
    page(f"{ROOT}libraries/", registers.Libraries.as_view(), name="libraries", permission=VIEW),
    page(f"{ROOT}libraries/new/", registers.library, name="library-new", permission=STANDARD),
    page(
        f"{ROOT}libraries/<int:library_id>/", registers.library, name="library-edit",
        permission=STANDARD,
    ),
    page(f"{ROOT}categories/", registers.categories, name="categories", permission=VIEW),
    page(
        f"{ROOT}categories/new/", registers.category_new, name="category-new", permission=STANDARD
    ),
    page(
        f"{ROOT}categories/<int:category_id>/", registers.category_edit, name="category-edit",
        permission=STANDARD,
    ),
    page(
        f"{ROOT}categories/<int:category_id>/remove/", require_POST(registers.category_remove),
        name="category-remove", permission=STANDARD,
    ),
    page(f"{ROOT}business/", registers.BusinessList.as_view(), name="business", permission=SYSTEM),
    page(f"{ROOT}business/new/", registers.business_new, name="business-new",
         permission=SYSTEM_EDIT),
    page(BUSINESS_ONE, registers.business_item, name="business-item", permission=SYSTEM),
    page(f"{BUSINESS_ONE}edit/", registers.business_edit, name="business-edit",
         permission=SYSTEM_EDIT),
    page(
        f"{ROOT}code-tables/", code_tables.CodeTables.as_view(), name="code-tables",
        permission=VIEW,
    ),
    page(f"{ROOT}code-tables/new/", code_tables.new, name="code-table-new", permission=STANDARD),
    page(TABLE, code_tables.code_table, name="code-table", permission=VIEW),
    page(f"{TABLE}edit/", code_tables.edit, name="code-table-edit", permission=STANDARD),
    page(f"{TABLE}codes/", code_tables.codes, name="code-table-codes", permission=STANDARD),
    page(f"{TABLE}publish/", code_tables.publish, name="code-table-publish", permission=STANDARD),
    page(f"{TABLE}return/", code_tables.give_back, name="code-table-return", permission=STANDARD),
    page(f"{TABLE}retire/", code_tables.retire, name="code-table-retire", permission=STANDARD),
    page(f"{TABLE}export/", code_tables.export, name="code-table-export", permission=VIEW),
    page(
        f"{TABLE}versions/<int:number>/", code_tables.version, name="code-table-version",
        permission=VIEW,
    ),
    page(
        f"{TABLE}revise/", require_POST(code_tables.revise), name="code-table-revise",
        permission=STANDARD,
    ),
    page(
        f"{TABLE}discard/", require_POST(code_tables.discard), name="code-table-discard",
        permission=STANDARD,
    ),
    page(f"{ROOT}elements/", elements.ElementList.as_view(), name="elements", permission=ELEMENT),
    page(f"{ROOT}elements/new/", elements.new, name="element-new", permission=PROPOSE),
    page(
        f"{ROOT}elements/departures/", elements.DepartureList.as_view(), name="departures",
        permission=ELEMENT,
    ),
    page(ELEMENT_ONE, elements.element, name="element", permission=ELEMENT),
    page(f"{ELEMENT_ONE}edit/", elements.edit, name="element-edit", permission=PROPOSE),
    page(
        f"{ELEMENT_ONE}publish/", elements.publish, name="element-publish",
        permission=ELEMENT_PUBLISH,
    ),
    page(
        f"{ELEMENT_ONE}step/<slug:verb>/", elements.step, name="element-step",
        permission=ELEMENT_PUBLISH,
    ),
    page(f"{ELEMENT_ONE}revise/", require_POST(elements.revise), name="element-revise",
         permission=PROPOSE),
    page(f"{ELEMENT_ONE}submit/", require_POST(elements.submit), name="element-submit",
         permission=PROPOSE),
    page(f"{ELEMENT_ONE}discard/", require_POST(elements.discard), name="element-discard",
         permission=PROPOSE),
    page(f"{ROOT}overdue/", overdue.OverdueList.as_view(), name="overdue", permission=VIEW),
    page(f"{ROOT}cycles/", cycles.cycles, name="cycles", permission=CYCLES),
    page(f"{ROOT}import/", exchange.upload, name="import", permission=EDIT),
    page(f"{ROOT}import/template/", exchange.template, name="import-template", permission=EDIT),
    page(f"{ROOT}import/<uuid:file_id>/", exchange.confirm, name="import-check", permission=EDIT),
    page(f"{ROOT}export/", exchange.export, name="export", permission=VIEW),
    page(f"{ROOT}standards/import/", exchange.standards_upload, name="standards-import",
         permission=PROPOSE),
    page(f"{ROOT}standards/import/template/", exchange.standards_template,
         name="standards-template", permission=PROPOSE),
    page(f"{ROOT}standards/import/<uuid:file_id>/", exchange.standards_confirm,
         name="standards-import-check", permission=PROPOSE),
    page(f"{ROOT}standards/export/", exchange.standards_export, name="standards-export",
         permission=ELEMENT),
]  # fmt: skip
