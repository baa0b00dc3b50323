"""What decides what a grant shows: a fingerprint that changes with it.

Whatever was handed out under one shape (a cursor, a file) must not go on under another.
"""

import hashlib
import json

from chengshu_gateway.bundle import Grant


def fingerprint(grant: Grant) -> str:
    """Return 16 hex digits over fields, masks and row filter."""
    content = json.dumps([grant.fields, grant.masks, grant.row_filter], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
