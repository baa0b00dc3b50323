"""Errors of opening beyond the platform's own."""

from http import HTTPStatus

from chengshu.kernel.errors import ChengshuError


class Gone(ChengshuError):
    """It was open once and was taken back on purpose."""

    status = HTTPStatus.GONE
    title = "已撤回"
