"""Routes of the process pages. What a person may see of a case is decided by the case, not by the route."""

from chengshu.kernel.access.routing import SIGNED_IN, page
from chengshu.kernel.process.services.powers import SUPERVISE
from chengshu.kernel.process.views import case, lists

app_name = "process"
urlpatterns = [
    page("console/process/", lists.Todo.as_view(), name="todo", permission=SIGNED_IN),
    page("console/process/done/", lists.Done.as_view(), name="done", permission=SIGNED_IN),
    page("console/process/started/", lists.Started.as_view(), name="started", permission=SIGNED_IN),
    page("console/process/copies/", lists.Copies.as_view(), name="copies", permission=SIGNED_IN),
    page(
        "console/process/supervised/", lists.Supervised.as_view(), name="supervised",
        permission=SUPERVISE,
    ),
    page("console/process/batch/", lists.batch, name="batch", permission=SIGNED_IN),
    page("console/process/cases/<int:case_id>/", case.case, name="case", permission=SIGNED_IN),
    page(
        "console/process/cases/<int:case_id>/do/<slug:key>/", case.act, name="act",
        permission=SIGNED_IN,
    ),
    page(
        "console/process/cases/<int:case_id>/files/<int:file_id>/", case.attachment,
        name="attachment", permission=SIGNED_IN,
    ),
]  # fmt: skip
