"""From a sample of rows to a proposed catalogue entry. Pure library: no database, no web framework."""

from chengshu.data.discovery.inference.model import (
    Guess,
    Habit,
    ItemProposal,
    Knowledge,
    KnownCodes,
    KnownElement,
    SourceColumn,
    SourceTable,
    TableProposal,
)
from chengshu.data.discovery.inference.table import propose

__all__ = [
    "Guess",
    "Habit",
    "ItemProposal",
    "Knowledge",
    "KnownCodes",
    "KnownElement",
    "SourceColumn",
    "SourceTable",
    "TableProposal",
    "propose",
]
