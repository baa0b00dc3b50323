"""Routes of discovery."""

from django.views.decorators.http import require_POST

from chengshu.data.discovery.views import clusters, drift, proposals, requesting
from chengshu.kernel.access.routing import page

PROPOSE, VIEW, DRIFT, LEAD = (
    "discovery.propose",
    "discovery.view",
    "discovery.drift.decide",
    "discovery.lead.decide",
)
ROOT = "console/discovery/"
ONE = f"{ROOT}proposals/<uuid:pk>/"
FINDING = f"{ROOT}drift/<int:pk>/"
CLUSTER = f"{ROOT}clusters/<int:pk>/"

app_name = "discovery"
urlpatterns = [
    page(
        f"{ROOT}proposals/", proposals.ProposalList.as_view(), name="proposals", permission=PROPOSE
    ),
    page(f"{ROOT}new/", requesting.new, name="new", permission=PROPOSE),
    page(f"{ROOT}sources/<int:pk>/", requesting.tables, name="tables", permission=PROPOSE),
    page(f"{ROOT}works/<uuid:pk>/", requesting.work, name="work", permission=PROPOSE),
    page(ONE, proposals.proposal, name="proposal", permission=PROPOSE),
    page(f"{ONE}accept/", require_POST(proposals.accept), name="accept", permission=PROPOSE),
    page(f"{ONE}again/", require_POST(proposals.again), name="again", permission=PROPOSE),
    page(f"{ONE}dismiss/", require_POST(proposals.dismiss), name="dismiss", permission=PROPOSE),
    page(f"{ROOT}drift/", drift.FindingList.as_view(), name="drift", permission=VIEW),
    page(FINDING, drift.finding, name="finding", permission=VIEW),
    page(f"{FINDING}apply/", require_POST(drift.apply), name="apply", permission=DRIFT),
    page(f"{FINDING}ignore/", require_POST(drift.ignore), name="ignore", permission=DRIFT),
    page(
        f"{ROOT}resources/<int:resource_id>/drift/", drift.resource_drift, name="resource-drift",
        permission=VIEW,
    ),
    page(
        f"{ROOT}resources/<int:resource_id>/check/", require_POST(drift.check_now), name="check",
        permission=DRIFT,
    ),
    page(f"{ROOT}clusters/", clusters.ClusterList.as_view(), name="clusters", permission=VIEW),
    page(f"{ROOT}clusters/search/", require_POST(clusters.search), name="search", permission=LEAD),
    page(CLUSTER, clusters.cluster, name="cluster", permission=VIEW),
    page(f"{CLUSTER}confirm/", require_POST(clusters.confirm), name="confirm", permission=LEAD),
    page(f"{CLUSTER}reject/", require_POST(clusters.reject), name="reject", permission=LEAD),
    page(
        f"{CLUSTER}designate/", require_POST(clusters.designate), name="designate", permission=LEAD
    ),
    page(f"{CLUSTER}compare/", require_POST(clusters.compare), name="compare", permission=LEAD),
    page(f"{ROOT}conflicts/<int:pk>/", clusters.conflict, name="conflict", permission=VIEW),
    page(
        f"{ROOT}conflicts/<int:pk>/ticket/", require_POST(clusters.ticket), name="ticket",
        permission=LEAD,
    ),
]  # fmt: skip
