"""Tables of discovery; see the modules for each noun."""

from chengshu.data.discovery.models.drift import BatchFigures, DriftFinding, SourceBinding
from chengshu.data.discovery.models.duplicates import (
    ClusterMember,
    Conflict,
    ItemCluster,
    LeadSource,
)
from chengshu.data.discovery.models.proposals import Proposal

__all__ = [
    "BatchFigures",
    "ClusterMember",
    "Conflict",
    "DriftFinding",
    "ItemCluster",
    "LeadSource",
    "Proposal",
    "SourceBinding",
]
