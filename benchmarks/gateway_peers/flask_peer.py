"""The same call as a team would write it with Flask and psycopg: HMAC, grant, filter, masks, audit.

Serves GET /share/v1/<interface>/<key>; PostgreSQL holds rows, grants and the audit table; the
audit row is committed before the answer (synchronous_commit on), as the gateway promises it.
"""

import hashlib
import hmac
import os
import time
from typing import Any
from urllib.parse import unquote

import psycopg_pool
from flask import Flask, Response, jsonify, request

from chengshu_gateway import masks

app = Flask(__name__)
pool = psycopg_pool.ConnectionPool(os.environ["PEER_DSN"], min_size=8, max_size=8, open=True)
SECRET = os.environ["PEER_SECRET"].encode()
nonces: set[tuple[str, str]] = set()
compiled: dict[str, masks.MaskFunction] = {}


def mask(declaration: str, value: Any) -> Any:
    function = compiled.get(declaration)
    if function is None:
        function = compiled[declaration] = masks.parse(declaration).compile()
    return function(value)


def signed() -> bool:
    headers = request.headers
    text = "\n".join(
        (
            "CS1-HMAC-SHA256",
            request.method,
            request.environ.get("RAW_URI", request.path).partition("?")[0],
            "&".join(sorted(request.query_string.decode().split("&"))),
            headers["X-Cs-Timestamp"],
            headers["X-Cs-Nonce"],
            hashlib.sha256(b"").hexdigest(),
            headers.get("X-Cs-Purpose", ""),
        )
    )
    import base64

    digest = hmac.new(SECRET, text.encode(), "sha256").digest()
    wanted = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(wanted, headers["X-Cs-Signature"])


@app.get("/share/v1/<interface>/<key>")
def lookup(interface: str, key: str) -> tuple[Response, int]:
    headers = request.headers
    if not signed() or abs(time.time() * 1000 - int(headers["X-Cs-Timestamp"])) > 300_000:
        return jsonify(error="signature"), 401
    once = (headers["X-Cs-App"], headers["X-Cs-Nonce"])
    if once in nonces:
        return jsonify(error="replay"), 409
    nonces.add(once)
    with pool.connection() as connection:
        grant = connection.execute(
            "SELECT fields, masks, area_prefix FROM grants WHERE app = %s AND interface = %s",
            (headers["X-Cs-App"], interface),
        ).fetchone()
        if grant is None:
            return jsonify(error="not granted"), 403
        fields, declared, prefix = grant
        row = connection.execute(
            f"SELECT {', '.join(fields)} FROM residents WHERE id = %s AND area LIKE %s",
            (key, prefix + "%"),
        ).fetchone()
        data = row and {
            name: mask(declared[name], value) if name in declared else value
            for name, value in zip(fields, row, strict=True)
        }
        status = 200 if data else 404
        connection.execute(
            "INSERT INTO audit (at, app, key, interface, record, status, purpose, ip)"
            " VALUES (now(), %s, %s, %s, %s, %s, %s, %s)",
            (
                headers["X-Cs-App"],
                headers["X-Cs-Key"],
                interface,
                hashlib.sha256(key.encode()).hexdigest(),
                status,
                unquote(headers.get("X-Cs-Purpose", "")),
                request.remote_addr,
            ),
        )
    return jsonify(data=data), status
