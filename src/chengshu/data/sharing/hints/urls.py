"""Routes of the clues."""

from chengshu.data.sharing.hints import views
from chengshu.kernel.access.routing import page

ROOT, VIEW = "console/sharing/hints/", "sharing.view"

app_name = "sharing_hints"
urlpatterns = [
    page(ROOT, views.HintList.as_view(), name="hints", permission=VIEW),
    page(f"{ROOT}panel/", views.panel, name="panel", permission=VIEW),
    page(f"{ROOT}<int:pk>/", views.detail, name="hint", permission=VIEW),
]
