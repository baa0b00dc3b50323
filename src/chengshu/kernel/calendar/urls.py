"""Routes of the working calendar."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.calendar import views

app_name = "calendar"
_MANAGE = "calendar.manage"
urlpatterns = [
    page("console/calendar/", views.year, name="year", permission="calendar.view"),
    page("console/calendar/days/new/", views.day_new, name="day-new", permission=_MANAGE),
    page("console/calendar/days/<int:pk>/", views.day_edit, name="day", permission=_MANAGE),
    page(
        "console/calendar/days/<int:pk>/remove/",
        views.day_remove,
        name="day-remove",
        permission=_MANAGE,
    ),
    page("console/calendar/<int:year>/declare/", views.declare, name="declare", permission=_MANAGE),
    page(
        "console/calendar/<int:year>/withdraw/", views.withdraw, name="withdraw", permission=_MANAGE
    ),
]
