"""Routes of collection plans."""

from django.views.decorators.http import require_POST

from chengshu.data.collection.views import backfills, board, checks, plans, runs, wizard
from chengshu.kernel.access.routing import page

VIEW, MANAGE, CONFIRM = (
    "collection.view",
    "collection.plan.manage",
    "collection.run.confirm",
)
ROOT = "console/collection/"
PLAN = f"{ROOT}plans/<int:pk>/"
RUN = f"{ROOT}runs/<uuid:pk>/"
BACKFILL = f"{ROOT}backfills/<int:pk>/"

app_name = "collection"
urlpatterns = [
    page(ROOT, plans.PlanList.as_view(), name="plans", permission=VIEW),
    page(f"{ROOT}board/", board.board, name="board", permission=VIEW),
    page(f"{ROOT}new/", wizard.choose_resource, name="new", permission=MANAGE),
    page(f"{ROOT}new/<int:resource_id>/", wizard.choose_source, name="new-source", permission=MANAGE),
    page(
        f"{ROOT}new/<int:resource_id>/<int:source_id>/", wizard.choose_object, name="new-object",
        permission=MANAGE,
    ),
    page(
        f"{ROOT}new/<int:resource_id>/<int:source_id>/plan/", wizard.describe, name="new-plan",
        permission=MANAGE,
    ),
    page(PLAN, plans.plan, name="plan", permission=VIEW),
    page(f"{PLAN}edit/", plans.edit, name="edit", permission=MANAGE),
    page(f"{PLAN}run/", require_POST(plans.run_now), name="run-now", permission=MANAGE),
    page(f"{PLAN}pause/", plans.pause, name="pause", permission=MANAGE),
    page(f"{PLAN}resume/", require_POST(plans.resume), name="resume", permission=MANAGE),
    page(f"{PLAN}check/", require_POST(checks.ask), name="ask-check", permission=MANAGE),
    page(f"{PLAN}backfill/", backfills.new, name="backfill-new", permission=MANAGE),
    page(f"{ROOT}runs/", runs.RunList.as_view(), name="runs", permission=VIEW),
    page(RUN, runs.run, name="run", permission=VIEW),
    page(f"{RUN}again/", require_POST(runs.again), name="run-again", permission=MANAGE),
    page(f"{RUN}resume/", require_POST(runs.resume), name="run-resume", permission=MANAGE),
    page(f"{RUN}cancel/", require_POST(runs.cancel), name="run-cancel", permission=MANAGE),
    page(f"{RUN}confirm/", require_POST(runs.confirm), name="run-confirm", permission=CONFIRM),
    page(BACKFILL, backfills.backfill, name="backfill", permission=VIEW),
    page(f"{BACKFILL}resume/", require_POST(backfills.resume), name="backfill-resume", permission=MANAGE),
    page(f"{BACKFILL}cancel/", require_POST(backfills.cancel), name="backfill-cancel", permission=MANAGE),
    page(f"{ROOT}checks/", checks.CheckList.as_view(), name="checks", permission=VIEW),
    page(f"{ROOT}checks/<uuid:pk>/", checks.result, name="check", permission=VIEW),
]  # fmt: skip
