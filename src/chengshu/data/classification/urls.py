"""Routes of the scan in the console."""

from chengshu.data.classification.views import masks, pages
from chengshu.kernel.access.routing import page

VIEW, SCAN, DECIDE = "classification.view", "classification.scan", "classification.decide"
ROOT = "console/data/classification/"
_F = f"{ROOT}findings/"

app_name = "classification"
urlpatterns = [
    page(ROOT, pages.overview, name="overview", permission=VIEW),
    page(f"{ROOT}scan/", pages.scan_all, name="scan-all", permission=SCAN),
    page(_F, pages.FindingList.as_view(), name="findings", permission=VIEW),
    page(f"{_F}<int:pk>/", pages.detail, name="finding", permission=VIEW),
    page(f"{_F}<int:pk>/accept/", pages.accept, name="accept", permission=DECIDE),
    page(f"{_F}<int:pk>/ticket/", pages.hand_over, name="hand-over", permission=DECIDE),
    page(f"{_F}<int:pk>/dismiss/", pages.dismiss, name="dismiss", permission=DECIDE),
    page(f"{_F}<int:pk>/reopen/", pages.reopen, name="reopen", permission=DECIDE),
    page(f"{ROOT}resources/<int:resource_id>/", pages.resource, name="resource", permission=VIEW),
    page(
        f"{ROOT}resources/<int:resource_id>/scan/", pages.scan_one, name="scan-one",
        permission=SCAN,
    ),
    page("console/data/masks/", masks.gallery, name="masks", permission=VIEW),
]  # fmt: skip
