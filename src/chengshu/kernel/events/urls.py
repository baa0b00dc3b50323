"""Routes of the events pages."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.events import views, web_hook_views

app_name = "events"
urlpatterns = [
    page(
        "console/events/", views.DeliveryList.as_view(), name="deliveries", permission="events.view"
    ),
    page("console/events/all/", views.EventList.as_view(), name="events", permission="events.view"),
    page("console/events/<uuid:pk>/", views.event, name="event", permission="events.view"),
    page(
        "console/events/deliveries/<int:pk>/retry/",
        views.retry,
        name="retry",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/",
        web_hook_views.HookList.as_view(),
        name="hooks",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/new/",
        web_hook_views.hook_new,
        name="hook-new",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/<int:pk>/",
        web_hook_views.hook,
        name="hook",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/<int:pk>/rotate/",
        web_hook_views.rotate,
        name="hook-rotate",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/<int:pk>/disable/",
        web_hook_views.disable,
        name="hook-disable",
        permission="events.manage",
    ),
    page(
        "console/events/hooks/<int:pk>/enable/",
        web_hook_views.enable,
        name="hook-enable",
        permission="events.manage",
    ),
]
