"""Asks an interface what its OpenAPI document lets one ask, rightly and wrongly, and compares the answers with it.

The requests are Schemathesis's. Known values take the place of invented ones in half of the requests,
so that more than "no such thing" is met.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("CHENGSHU_FUZZ_EXAMPLES", "0"))
"""Requests per operation and kind of data in a long run (`tools/fuzz_openapi.py`); 0: the short one."""
SEED = int(os.environ.get("CHENGSHU_FUZZ_SEED", "20261130"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

Send = Callable[[Case], Response]


@dataclass
class Findings:
    """What went wrong, and which statuses each operation was seen to answer."""

    problems: list[str] = field(default_factory=list)
    statuses: dict[str, set[int]] = field(default_factory=dict)

    @property
    def operations(self) -> int:
        """Operations that answered at all."""
        return len(self.statuses)


def fuzz(
    schema: BaseSchema,
    send: Send,
    *,
    examples: int,
    known: Mapping[str, Sequence[Any]] | None = None,
    rejects_wrong_data: bool = True,
) -> Findings:
    """Try every operation of a document; `rejects_wrong_data`: what breaks the document must be refused."""
    findings = Findings()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            _try(
                operation, mode, send=send, examples=EXAMPLES or examples, known=known or {},
                findings=findings, rejects_wrong_data=rejects_wrong_data,
            )  # fmt: skip
    return findings


def _try(
    operation: APIOperation,
    mode: GenerationMode,
    *,
    send: Send,
    examples: int,
    known: Mapping[str, Sequence[Any]],
    findings: Findings,
    rejects_wrong_data: bool,
) -> None:
    checks = CHECKS
    if mode is GenerationMode.NEGATIVE and rejects_wrong_data:
        checks = [*CHECKS, negative_data_rejection]
    chance = Random(f"{SEED}{operation.label}{mode}")
    seen: set[str] = set()

    @seeded(SEED)
    @settings(
        max_examples=examples, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Case) -> None:
        filled = _fill(case, known, chance)
        try:
            response = send(case)
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
            return  # nothing that can be sent
        findings.statuses.setdefault(operation.label, set()).add(response.status_code)
        try:
            # A known value may have put right what was wrong.
            case.validate_response(response, checks=CHECKS if filled else checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                if failure.title not in seen:
                    seen.add(failure.title)
                    findings.problems.append(f"{operation.label} {mode.value}: {group}")

    try:
        one()
    except Exception as error:  # noqa: BLE001 - an operation that cannot be tried is a finding too
        if "Unsatisfiable" not in type(error).__name__:
            findings.problems.append(
                f"{operation.label} {mode.value}: {type(error).__name__} {error}"
            )


def _fill(case: Case, known: Mapping[str, Sequence[Any]], chance: Random) -> bool:
    if chance.random() < 0.5:
        return False
    filled = False
    for container in (case.path_parameters, case.query, case.body):
        if isinstance(container, dict):
            for name in container.keys() & known.keys():
                container[name] = chance.choice(known[name])
                filled = True
    return filled
