"""Registers the ticket package."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "chengshu.data.tickets"
    label = "tickets"
    verbose_name = "问题工单"
