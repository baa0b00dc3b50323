"""The decision about a call: who signs it, is it fresh, is it granted, is quota left."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from chengshu_gateway import problems, signing
from chengshu_gateway.bundle import AppKey
from chengshu_gateway.description import DESCRIPTIONS
from chengshu_gateway.limits import SharedLimits, Verdict, seconds_to_midnight, tag
from chengshu_gateway.lockout import Lockout
from chengshu_gateway.oauth import OAuthDesk
from chengshu_gateway.policy import AppEntry, CompiledGrant, Plan, Policy
from chengshu_gateway.problems import ProblemKind, Refusal
from chengshu_gateway.provers import nobody
from chengshu_gateway.request import CallRecord, claimed, purpose_of, well_formed
from chengshu_gateway.scanning import ScanGuard
from chengshu_gateway.state import LoadedState
from chengshu_gateway.work import Work

_WINDOW_MS = signing.WINDOW_SECONDS * 1000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may be answered: one record (`plan`), a posted call (`work`), or a description."""

    grant: CompiledGrant
    plan: Plan | None
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What the signature covers, as it arrived; `prepare` reads the body of a posted call."""

    headers: dict[bytes, bytes]
    path: bytes
    query: bytes
    body_digest: bytes
    method: bytes = b"GET"
    prepare: Callable[[CompiledGrant, CallRecord], Work] | None = None


class Authoriser:
    """Decides on calls with the loaded policy and the shared counters."""

    def __init__(self, limits: SharedLimits, state: LoadedState, tokens: OAuthDesk) -> None:
        """Bind counters and policy."""
        self._limits = limits
        self._lockout = Lockout(limits)
        self._tokens = tokens
        self.scans = ScanGuard(limits)
        self._state = state

    def admit(self, request: SignedRequest, call: CallRecord, *, describe: bool) -> Admission:
        """Return the admission or raise Refusal; `call` is filled for the audit either way.

        Order: locked? signature, time-stamp, key state, then grant and fields; the nonce is used
        up in any case, so a replay is called a replay whatever else is wrong with it.
        """
        policy = self._state.policy
        if policy is None:
            raise Refusal(problems.NO_BUNDLE)
        now_ms = time.time_ns() // 1_000_000
        app, key = self._authenticate(policy, request, call, now_ms)
        refusal: Refusal | None = None
        admission: Admission | None = None
        try:
            _check_key(app, key, now_ms / 1000)
            self.scans.refuse(call, now_ms)
            admission = _granted(app, request, call, now_ms / 1000, describe=describe)
        except Refusal as problem:
            refusal = problem
        counts = admission is not None and not describe
        amount = admission.work.cost if admission is not None and admission.work else 1
        verdict = self._limits.admit(
            nonce=call.nonce,
            client_ms=call.client_ms,
            now_ms=now_ms,
            app=app.rate,
            grant=admission.grant.quota if admission is not None and counts else None,
            amount=amount,
        )
        if verdict is not Verdict.ADMITTED:
            raise _over(verdict, now_ms, amount)
        if refusal is not None:
            raise refusal
        assert admission is not None
        call.counted, call.cost = counts, amount
        return admission

    def _authenticate(
        self, policy: Policy, request: SignedRequest, call: CallRecord, now_ms: int
    ) -> tuple[AppEntry, AppKey]:
        get = request.headers.get
        if b"authorization" in request.headers and b"x-cs-signature" not in request.headers:
            return self._tokens.authenticate(
                policy, request.headers, call,
                method=request.method.decode(), path=request.path, now_ms=now_ms,
            )  # fmt: skip
        app_id, key_id = get(b"x-cs-app"), get(b"x-cs-key")
        call.app, call.key_id = claimed(app_id), claimed(key_id)
        stamp, nonce, given = (
            get(b"x-cs-timestamp"),
            get(b"x-cs-nonce"),
            get(b"x-cs-signature"),
        )
        self._lockout.refuse_locked(call, now_ms)
        if not (app_id and key_id and stamp and nonce and given):
            raise Refusal(problems.UNSIGNED)
        if not well_formed(stamp, nonce):
            raise Refusal(problems.BAD_HEADER)
        quoted = get(b"x-cs-purpose", b"")
        app = policy.applications.get(app_id)
        found = app.keys.get(key_id) if app is not None else None
        # An unknown application costs the same work as a wrong signature.
        prover = found[0] if found else nobody(given)
        text = signing.canonical_text(
            method=request.method,
            path=request.path,
            query=request.query,
            timestamp=stamp,
            nonce=nonce,
            body_digest=request.body_digest,
            purpose=quoted,
            scheme=prover.scheme,
        )
        proven = prover.proves(text, given)
        if app is None or found is None or not proven:
            self._lockout.count(call, now_ms)
            raise Refusal(problems.BAD_SIGNATURE)
        call.verified = True
        call.purpose = purpose_of(quoted)
        call.client_ms = int(stamp)
        call.nonce = tag(call.app, nonce.decode())
        if abs(now_ms - call.client_ms) > _WINDOW_MS:
            raise Refusal(problems.BAD_TIMESTAMP)
        return app, found[1]


def _check_key(app: AppEntry, key: AppKey, now: float) -> None:
    if (
        key.state != "active"
        or (key.not_before is not None and now < key.not_before)
        or (key.expires is not None and now >= key.expires)
    ):
        raise Refusal(problems.KEY_INACTIVE)
    if not app.application.enabled:
        raise Refusal(problems.APP_DISABLED)


def _granted(
    app: AppEntry, request: SignedRequest, call: CallRecord, now: float, *, describe: bool
) -> Admission:
    grant = app.grants.get(call.interface)
    if grant is None:
        raise Refusal(problems.NOT_GRANTED)
    grant.check(now, call.ip)
    call.most_misses = grant.grant.misses_per_minute
    if request.prepare is not None:
        if request.query:
            raise Refusal(problems.BAD_QUERY, extra="POST 调用的参数都写在请求体里")
        return Admission(grant, None, request.prepare(grant, call))
    if not describe:
        if not grant.looks_up:
            raise Refusal(problems.KIND_NOT_GRANTED)
        plan = grant.plan(request.query)
        call.fields = plan.fields
        return Admission(grant, plan)
    if request.query not in DESCRIPTIONS:
        raise Refusal(problems.BAD_QUERY, extra="查看授权只接受 format=openapi 或 format=odcs")
    return Admission(grant, None)


_REFUSED: dict[Verdict, ProblemKind] = {
    Verdict.REPLAYED: problems.REPLAYED,
    Verdict.BUSY: problems.BUSY,
    Verdict.MINUTE: problems.QUOTA_MINUTE,
    Verdict.DAY: problems.QUOTA_DAY,
}


def _over(verdict: Verdict, now_ms: int, amount: int) -> Refusal:
    to_next_minute = (_MINUTE_MS - now_ms % _MINUTE_MS) // 1000 + 1
    wait = seconds_to_midnight(now_ms) if verdict is Verdict.DAY else to_next_minute
    extra = f"这次要 {amount} 条，可以减少条数再试" if amount > 1 else None
    return Refusal(_REFUSED[verdict], retry_after=wait, extra=extra)
