"""The kinds of posted calls by the last part of their path."""

from chengshu_gateway import batch, changes, exports, query, verification
from chengshu_gateway.private import statistics as private
from chengshu_gateway.relay import work as relay
from chengshu_gateway.work import Prepare

OPERATIONS: dict[str, Prepare] = {
    "batch": batch.prepare,
    "verify": verification.prepare,
    "query": query.prepare,
    "changes": changes.prepare,
    **exports.PREPARE,
    "statistics": private.prepare,
    "proxy": relay.prepare,
}
