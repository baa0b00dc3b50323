"""Routes of tickets."""

from django.views.decorators.http import require_POST

from chengshu.data.tickets.flow import DISPATCH, HANDLE
from chengshu.data.tickets.views import acts, board, detail, lists, policy
from chengshu.kernel.access.routing import page

VIEW, TERMS = "tickets.view", "tickets.policy.manage"
ROOT = "console/tickets/"
ONE = f"{ROOT}<int:pk>/"

app_name = "tickets"
urlpatterns = [
    page(ROOT, lists.TicketList.as_view(), name="tickets", permission=VIEW),
    page(f"{ROOT}assign/", require_POST(acts.bulk_assign), name="bulk-assign", permission=HANDLE),
    page(f"{ROOT}claim/", require_POST(acts.bulk_claim), name="bulk-claim", permission=HANDLE),
    page(f"{ROOT}board/", board.board, name="board", permission=VIEW),
    page(f"{ROOT}terms/", policy.policy, name="policy", permission=TERMS),
    page(ONE, detail.console, name="ticket", permission=VIEW),
    page(f"{ONE}act/<slug:act>/", require_POST(acts.act), name="act", permission=VIEW),
    page(f"{ONE}comment/", require_POST(acts.comment), name="comment", permission=VIEW),
    page(f"{ONE}supervise/", require_POST(acts.supervise), name="supervise", permission=DISPATCH),
    page(f"{ONE}extension/", require_POST(acts.extension), name="extension", permission=HANDLE),
    page(
        f"{ONE}extension/<int:wish>/<slug:answer>/", require_POST(acts.decide_extension),
        name="decide-extension", permission=DISPATCH,
    ),
    page(f"{ONE}files/<uuid:file>/", detail.download, name="file", permission=VIEW),
    page("staff/tickets/", lists.phone, name="phone", permission=HANDLE),
    page("staff/tickets/<int:pk>/", detail.phone, name="phone-ticket", permission=HANDLE),
]  # fmt: skip
