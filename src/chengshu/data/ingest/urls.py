"""Routes of collection."""

from django.views.decorators.http import require_POST

from chengshu.data.ingest.views import (
    batches,
    board,
    collecting,
    preview,
    quarantine,
    sources,
    tokens,
    workbench,
)
from chengshu.kernel.access.routing import page

VIEW, CREATE, SOURCE, MANAGE = (
    "ingest.view",
    "ingest.batch.create",
    "ingest.source.manage",
    "ingest.quarantine.manage",
)
ROOT = "console/ingest/"
BATCH = f"{ROOT}batches/<uuid:pk>/"
RESOURCE = f"{ROOT}resources/<int:resource_id>/"
ONE_SOURCE = f"{ROOT}sources/<int:pk>/"

app_name = "ingest"
urlpatterns = [
    page(ROOT, board.board, name="board", permission=VIEW),
    page(f"{RESOURCE}preview/", preview.preview, name="preview", permission=VIEW),
    page(f"{RESOURCE}new/", collecting.new, name="new", permission=CREATE),
    page(f"{ROOT}batches/", board.BatchList.as_view(), name="batches", permission=VIEW),
    page(BATCH, batches.batch, name="batch", permission=VIEW),
    page(f"{BATCH}confirm/", collecting.confirm, name="confirm", permission=CREATE),
    page(f"{BATCH}cancel/", require_POST(batches.cancel), name="cancel", permission=CREATE),
    page(f"{BATCH}again/", require_POST(batches.again), name="again", permission=CREATE),
    page(f"{BATCH}resume/", require_POST(batches.resume), name="resume", permission=CREATE),
    page(f"{BATCH}quarantine/", workbench.workbench, name="quarantine", permission=VIEW),
    page(
        f"{BATCH}quarantine/<int:number>/", require_POST(workbench.save_row), name="row",
        permission=MANAGE,
    ),
    page(
        f"{BATCH}quarantine/return/", require_POST(workbench.send_back), name="send-back",
        permission=MANAGE,
    ),
    page(
        f"{BATCH}quarantine/export/", require_POST(workbench.export), name="export",
        permission=MANAGE,
    ),
    page(f"{BATCH}quarantine/exported/", workbench.exported, name="exported", permission=MANAGE),
    page(
        f"{BATCH}quarantine/corrections/", require_POST(workbench.upload), name="corrections",
        permission=MANAGE,
    ),
    page(
        f"{BATCH}quarantine/replay/", require_POST(workbench.replay), name="replay",
        permission=MANAGE,
    ),
    page(
        f"{BATCH}quarantine/give-up/", require_POST(workbench.give_up), name="give-up",
        permission=MANAGE,
    ),
    page(f"{ROOT}quarantine/", quarantine.overview, name="quarantine-groups", permission=VIEW),
    page(f"{RESOURCE}quarantine/", quarantine.group, name="quarantine-group", permission=VIEW),
    page(
        f"{RESOURCE}quarantine/unmask/", require_POST(quarantine.unmask),
        name="quarantine-unmask", permission="ingest.personal.unmask",
    ),
    page(
        f"{RESOURCE}quarantine/correct/", require_POST(quarantine.correct),
        name="quarantine-correct", permission=MANAGE,
    ),
    page(
        f"{RESOURCE}quarantine/give-up/", require_POST(quarantine.give_up),
        name="quarantine-give-up", permission=MANAGE,
    ),
    page(
        f"{RESOURCE}quarantine/replay/", require_POST(quarantine.replay),
        name="quarantine-replay", permission=MANAGE,
    ),
    page(
        f"{RESOURCE}quarantine/ticket/", require_POST(quarantine.ticket),
        name="quarantine-ticket", permission=MANAGE,
    ),
    page(f"{ROOT}sources/", sources.SourceList.as_view(), name="sources", permission=SOURCE),
    page(f"{ROOT}sources/new/", sources.new, name="source-new", permission=SOURCE),
    page(ONE_SOURCE, sources.source, name="source", permission=SOURCE),
    page(f"{ONE_SOURCE}test/", require_POST(sources.test), name="source-test", permission=SOURCE),
    page(f"{ONE_SOURCE}edit/", sources.edit, name="source-edit", permission=SOURCE),
    page(f"{ONE_SOURCE}object/", sources.source_object, name="source-object", permission=SOURCE),
    page(f"{ONE_SOURCE}password/", sources.password, name="source-password", permission=SOURCE),
    page(f"{ONE_SOURCE}tables/", sources.tables, name="tables", permission=SOURCE),
    page(f"{ROOT}tokens/", tokens.TokenList.as_view(), name="tokens", permission=SOURCE),
    page(f"{ROOT}tokens/new/", tokens.new, name="token-new", permission=SOURCE),
    page(f"{ROOT}tokens/<int:pk>/", tokens.token, name="token", permission=SOURCE),
    page(f"{ROOT}tokens/<int:pk>/limits/", tokens.limits, name="token-limits", permission=SOURCE),
]  # fmt: skip
