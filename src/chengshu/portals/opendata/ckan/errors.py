"""Errors as CKAN clients expect them: a type they know, the status that goes with it, and our own sentence."""

from http import HTTPStatus
from typing import Any

from chengshu.kernel.errors import ChengshuError

# Fields of our services by the names CKAN clients know.
_NAMES = {
    "slug": "name", "summary": "notes", "keywords": "tags", "theme": "groups", "licence": "license_id",
    "basis": "legal_basis", "contact": "maintainer", "restricted": "access",
}  # fmt: skip


class CkanError(Exception):
    """An answer with ``success: false``; ``error`` is its body."""

    def __init__(self, kind: str, status: int, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.status = status
        # Field names come from callers: none of them may stand in for the type.
        self.error = error | {"__type": kind}


def not_found(message: str) -> CkanError:
    """404: what was named does not exist, or is not public (any more)."""
    return CkanError("Not Found Error", HTTPStatus.NOT_FOUND, {"message": f"Not found: {message}"})


def invalid(**fields: str) -> CkanError:
    """409: parameters break a rule; one list of sentences per parameter."""
    told = "；".join(f"{name}：{text}" for name, text in fields.items())
    body = {name: [text] for name, text in fields.items()}
    return CkanError("Validation Error", HTTPStatus.CONFLICT, body | {"message": told})


def refused(message: str) -> CkanError:
    """403: not for this caller."""
    return CkanError(
        "Authorization Error", HTTPStatus.FORBIDDEN, {"message": f"Access denied: {message}"}
    )


def unsearchable(message: str) -> CkanError:
    """400: the search expression is not one."""
    return CkanError(
        "Search Query Error", HTTPStatus.BAD_REQUEST, {"message": f"Search Query Error: {message}"}
    )


def of_platform(error: ChengshuError) -> CkanError:
    """The platform's own error in CKAN's words; what was withdrawn is not found, with the reason."""
    match int(error.status):
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return not_found(error.detail)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return refused(error.detail)
        case HTTPStatus.UNPROCESSABLE_ENTITY | HTTPStatus.CONFLICT:
            body = {_NAMES.get(name, name): [text] for name, text in error.fields.items()}
            return CkanError(
                "Validation Error", HTTPStatus.CONFLICT, body | {"message": error.detail}
            )
        case status:
            return CkanError(error.title, status, {"message": error.detail})
