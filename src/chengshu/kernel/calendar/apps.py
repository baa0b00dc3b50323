"""Django's entry for the working calendar."""

from django.apps import AppConfig


class CalendarConfig(AppConfig):
    name = "chengshu.kernel.calendar"
    label = "kernel_calendar"
    verbose_name = "工作日历"
