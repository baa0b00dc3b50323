"""JSON API of the catalogue under ``/api/v1/catalog/``."""

from chengshu.data.catalog.api import resources, standards
from chengshu.data.catalog.api.routing import router

__all__ = ["resources", "router", "standards"]
