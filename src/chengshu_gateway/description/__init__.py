"""What a grant allows, told to machines: its OpenAPI document and its data contract."""

DESCRIPTIONS = frozenset({b"", b"format=openapi", b"format=odcs"})
"""Query strings of a description: the gateway's own form, OpenAPI 3.1, Open Data Contract Standard."""
