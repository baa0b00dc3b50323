"""Routes of the design system: preferences of everybody, gallery for whoever builds pages."""

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.kernel.ui import preferences
from chengshu.kernel.ui.gallery import views
from chengshu.kernel.ui.manifest import GALLERY
from chengshu.kernel.ui.saved import views as saved

app_name = "ui"
urlpatterns = [
    page("preferences/", preferences.save, name="preferences", permission=PUBLIC),
    page("preferences/filters/", saved.menu, name="saved", permission=SIGNED_IN),
    page("preferences/filters/save/", saved.save, name="saved-save", permission=SIGNED_IN),
    page(
        "preferences/filters/<int:pk>/remove/",
        saved.remove,
        name="saved-remove",
        permission=SIGNED_IN,
    ),
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
