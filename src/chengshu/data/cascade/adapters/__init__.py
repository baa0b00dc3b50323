"""How one speaks with an upper platform: one adapter for each form of conversation."""

from chengshu.data.cascade.adapters.base import Answer, Link, Upper, UpperError
from chengshu.data.cascade.adapters.registry import open_upper, register_adapter

__all__ = ["Answer", "Link", "Upper", "UpperError", "open_upper", "register_adapter"]
