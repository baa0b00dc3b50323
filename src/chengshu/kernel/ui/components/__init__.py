"""The shared components as small typed dataclasses; the ``ui`` template tags draw them."""

from chengshu.kernel.ui.components.charts import Chart, Series
from chengshu.kernel.ui.components.display import Action, Crumb, EmptyState, Fact, Stat, Tab
from chengshu.kernel.ui.components.flow import (
    Balance,
    Change,
    DiffTable,
    Progress,
    Step,
    TimelineEntry,
)
from chengshu.kernel.ui.components.forms import FormSection
from chengshu.kernel.ui.components.status import STATUSES, StatusTag, Tone, status_tag
from chengshu.kernel.ui.components.table import BulkAction, Column, Filter, Pager, Table

__all__ = [
    "STATUSES",
    "Action",
    "Balance",
    "BulkAction",
    "Change",
    "Chart",
    "Column",
    "Crumb",
    "DiffTable",
    "EmptyState",
    "Fact",
    "Filter",
    "FormSection",
    "Pager",
    "Progress",
    "Series",
    "Stat",
    "StatusTag",
    "Step",
    "Tab",
    "Table",
    "TimelineEntry",
    "Tone",
    "status_tag",
]
