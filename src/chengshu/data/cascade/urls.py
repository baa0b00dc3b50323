"""Routes of cascading."""

from django.views.decorators.http import require_POST

from chengshu.data.cascade.services.planning import APPROVE
from chengshu.data.cascade.services.platforms import MANAGE, VIEW
from chengshu.data.cascade.views import entries, incoming, outgoing, platforms
from chengshu.kernel.access.routing import page

ROOT = "console/cascade/"
PLATFORM, PLAN, LOWER = (
    f"{ROOT}<int:pk>/",
    f"{ROOT}plans/<int:pk>/",
    f"{ROOT}lower-entries/<int:pk>/",
)

app_name = "cascade"
urlpatterns = [
    page(ROOT, platforms.PlatformList.as_view(), name="platforms", permission=VIEW),
    page(f"{ROOT}new/", platforms.new, name="platform-new", permission=MANAGE),
    page(f"{ROOT}receive/", platforms.channel_new, name="channel-new", permission=MANAGE),
    page(PLATFORM, platforms.detail, name="platform", permission=VIEW),
    page(f"{PLATFORM}check/", require_POST(platforms.check), name="platform-check", permission=MANAGE),
    page(f"{PLATFORM}state/", platforms.state, name="platform-state", permission=MANAGE),
    page(f"{PLATFORM}secret/", platforms.secret, name="platform-secret", permission=MANAGE),
    page(f"{ROOT}incoming/", incoming.IncomingList.as_view(), name="incoming", permission=VIEW),
    page(f"{ROOT}incoming/<int:pk>/", incoming.detail, name="incoming-batch", permission=VIEW),
    page(f"{ROOT}outgoing/", outgoing.OutgoingList.as_view(), name="outgoing", permission=VIEW),
    page(f"{ROOT}outgoing/<int:pk>/", outgoing.delivery, name="delivery", permission=VIEW),
    page(
        f"{ROOT}outgoing/<int:pk>/retry/", require_POST(outgoing.retry), name="delivery-retry",
        permission=MANAGE,
    ),
    page(f"{ROOT}plans/", outgoing.PlanList.as_view(), name="plans", permission=VIEW),
    page(f"{ROOT}plans/new/", outgoing.plan_new, name="plan-new", permission=MANAGE),
    page(PLAN, outgoing.plan, name="plan", permission=VIEW),
    page(f"{PLAN}return/", outgoing.plan_return, name="plan-return", permission=APPROVE),
    page(f"{PLAN}<slug:act>/", require_POST(outgoing.plan_act), name="plan-act", permission=MANAGE),
    page(f"{ROOT}entries/", entries.EntryList.as_view(), name="entries", permission=VIEW),
    page(f"{ROOT}entries/new/", entries.new, name="entry-new", permission=MANAGE),
    page(f"{ROOT}lower-entries/", entries.LowerEntryList.as_view(), name="lower-entries", permission=VIEW),
    page(LOWER, entries.lower_entry, name="lower-entry", permission=VIEW),
    page(f"{LOWER}accept/", require_POST(entries.accept), name="lower-entry-accept", permission=MANAGE),
    page(f"{LOWER}return/", entries.send_back, name="lower-entry-return", permission=MANAGE),
]  # fmt: skip
