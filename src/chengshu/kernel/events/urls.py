"""Routes of the events pages."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.events import views

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
]
