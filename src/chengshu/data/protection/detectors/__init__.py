"""Finds personal data in columns whose meaning nobody has declared, or declared wrongly."""

from chengshu.data.protection.detectors.column import detect_column
from chengshu.data.protection.detectors.model import Finding, Kind
from chengshu.data.protection.detectors.texts import Span, hide_personal, spans_of

__all__ = ["Finding", "Kind", "Span", "detect_column", "hide_personal", "spans_of"]
