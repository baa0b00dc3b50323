"""What other data packages use of the protection library: detectors of personal data, and masks."""

from chengshu.data.protection.detectors import (
    Finding,
    Kind,
    Span,
    detect_column,
    hide_personal,
    spans_of,
)

__all__ = ["Finding", "Kind", "Span", "detect_column", "hide_personal", "spans_of"]
