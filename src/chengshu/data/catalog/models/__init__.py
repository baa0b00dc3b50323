"""Tables of the catalogue; see the modules for each noun."""

from chengshu.data.catalog.models.items import DataItem
from chengshu.data.catalog.models.libraries import ThematicLibrary, Warehouse
from chengshu.data.catalog.models.resources import Resource, ResourceVersion
from chengshu.data.catalog.models.standards import Category, CodeTable, CodeValue
from chengshu.data.catalog.models.systems import InformationSystem

__all__ = [
    "Category",
    "CodeTable",
    "CodeValue",
    "DataItem",
    "InformationSystem",
    "Resource",
    "ResourceVersion",
    "ThematicLibrary",
    "Warehouse",
]
