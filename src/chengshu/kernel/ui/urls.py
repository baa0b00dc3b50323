"""Routes of the design system: preferences of everybody, gallery for whoever builds pages."""

from chengshu.kernel.access.routing import PUBLIC, page
from chengshu.kernel.ui import preferences
from chengshu.kernel.ui.gallery import views
from chengshu.kernel.ui.manifest import GALLERY

app_name = "ui"
urlpatterns = [
    page("preferences/", preferences.save, name="preferences", permission=PUBLIC),
    page("console/ui/", views.components, name="gallery", permission=GALLERY),
    page(
        "console/ui/list/",
        views.LiveList.as_view(),
        name="gallery-list",
        permission=GALLERY,
    ),
    page("console/ui/selected/", views.selected, name="gallery-selected", permission=GALLERY),
    page(
        "console/ui/progress/",
        views.live_progress,
        name="gallery-progress",
        permission=GALLERY,
    ),
    page(
        "console/ui/shells/<str:name>/",
        views.shell,
        name="gallery-shell",
        permission=GALLERY,
    ),
    page(
        "console/ui/faults/<int:code>/",
        views.fault,
        name="gallery-fault",
        permission=GALLERY,
    ),
]
