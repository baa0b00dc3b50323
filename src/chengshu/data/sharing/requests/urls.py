"""Routes of access requests."""

from django.views.decorators.http import require_POST

from chengshu.data.sharing.requests.flow import ANSWER, APPLY, REVIEW, TERMS, VIEW
from chengshu.data.sharing.requests.views import (
    acts,
    apply,
    board,
    cart,
    change,
    detail,
    files,
    lists,
    policy,
)
from chengshu.kernel.access.routing import page

ROOT = "console/sharing/requests/"
CART = f"{ROOT}cart/"
ONE = f"{ROOT}<int:pk>/"

app_name = "sharing_requests"
urlpatterns = [
    page(ROOT, lists.OwnList.as_view(), name="requests", permission=APPLY),
    page(f"{ROOT}inbox/", lists.Inbox.as_view(), name="inbox", permission=VIEW),
    page(f"{ROOT}board/", board.board, name="board", permission=REVIEW),
    page(f"{ROOT}terms/", policy.policy, name="policy", permission=TERMS),
    page(f"{ROOT}new/", apply.apply, name="new", permission=APPLY),
    page(f"{ROOT}change/<int:pk>/", change.change, name="change", permission=APPLY),
    page(CART, cart.cart, name="cart", permission=APPLY),
    page(f"{CART}want/<path:code>/", cart.want, name="want", permission=APPLY),
    page(f"{CART}add/", require_POST(cart.add_chosen), name="cart-add-chosen", permission=APPLY),
    page(f"{CART}add/<slug:code>/", require_POST(cart.add), name="cart-add", permission=APPLY),
    page(
        f"{CART}remove/<slug:code>/", require_POST(cart.remove), name="cart-remove",
        permission=APPLY,
    ),
    page(ONE, detail.detail, name="request", permission=VIEW),
    page(f"{ONE}act/<slug:act>/", require_POST(acts.act), name="act", permission=VIEW),
    page(f"{ONE}return/", acts.return_for_correction, name="return", permission=VIEW),
    page(f"{ONE}correct/", acts.correct, name="correct", permission=APPLY),
    page(f"{ONE}files/", require_POST(files.attach), name="attach", permission=APPLY),
    page(f"{ONE}files/<uuid:file>/", files.download, name="file", permission=VIEW),
    page(f"{ONE}grant/", acts.grant, name="grant", permission=ANSWER),
]  # fmt: skip
