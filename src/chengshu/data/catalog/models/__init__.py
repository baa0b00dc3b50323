"""Tables of the catalogue; see the modules for each noun."""

from chengshu.data.catalog.models.cycles import CyclePolicy
from chengshu.data.catalog.models.elements import DataElement, ElementVersion
from chengshu.data.catalog.models.items import DataItem
from chengshu.data.catalog.models.libraries import ThematicLibrary, Warehouse
from chengshu.data.catalog.models.resources import Resource, ResourceVersion
from chengshu.data.catalog.models.standards import (
    Category,
    CodeTable,
    CodeTableVersion,
    CodeValue,
)
from chengshu.data.catalog.models.systems import BusinessItem, InformationSystem

__all__ = [
    "BusinessItem",
    "Category",
    "CodeTable",
    "CodeTableVersion",
    "CodeValue",
    "CyclePolicy",
    "DataElement",
    "DataItem",
    "ElementVersion",
    "InformationSystem",
    "Resource",
    "ResourceVersion",
    "ThematicLibrary",
    "Warehouse",
]
