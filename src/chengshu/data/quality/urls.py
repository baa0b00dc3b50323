"""Routes of quality."""

from chengshu.data.quality.views import overview, resources, rules
from chengshu.kernel.access.routing import page

VIEW, MANAGE = "quality.view", "quality.rule.manage"
ROOT = "console/quality/"
RESOURCE = f"{ROOT}resources/<int:resource_id>/"
RULE = f"{ROOT}rules/<int:pk>/"

app_name = "quality"
urlpatterns = [
    page(ROOT, overview.overview, name="overview", permission=VIEW),
    page(f"{ROOT}departments/<int:pk>/", overview.department, name="department", permission=VIEW),
    page(f"{ROOT}resources/", overview.ResourceList.as_view(), name="resources", permission=VIEW),
    page(f"{ROOT}policy/", rules.edit_policy, name="policy", permission="quality.policy.manage"),
    page(RESOURCE, resources.resource, name="resource", permission=VIEW),
    page(f"{RESOURCE}grade/", resources.grade, name="grade", permission=VIEW),
    page(f"{RESOURCE}evaluate/", resources.evaluate, name="evaluate", permission="quality.evaluate"),
    page(f"{RESOURCE}rows/", resources.rows, name="rows", permission=VIEW),
    page(f"{RESOURCE}rows/export/", resources.export_rows, name="export", permission="quality.rows.export"),
    page(
        f"{RESOURCE}results/<int:result_id>/ticket/", resources.ticket, name="ticket",
        permission="quality.ticket.open",
    ),
    page(f"{RESOURCE}rules/", rules.rule_list, name="rules", permission=MANAGE),
    page(f"{RESOURCE}rules/new/", rules.new, name="rule-new", permission=MANAGE),
    page(f"{RESOURCE}rules/found/", rules.found, name="found", permission=MANAGE),
    page(f"{RESOURCE}rules/built-in/", rules.switch_builtin, name="built-in", permission=MANAGE),
    page(f"{RESOURCE}rules/<slug:kind>/preview/", rules.preview, name="preview", permission=MANAGE),
    page(f"{RESOURCE}rules/<slug:kind>/try/", rules.attempt, name="try", permission=MANAGE),
    page(RULE, rules.rule, name="rule", permission=MANAGE),
    page(f"{RULE}switch/", rules.switch, name="switch", permission=MANAGE),
]  # fmt: skip
