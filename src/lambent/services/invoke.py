"""Invoke: resolve the qualifier, admit, deliver, answer.

The way of a RequestResponse invocation of a function that is known and has an idle environment is synchronous from the
gateway to the socket of the runtime, and from its answer back: no task, no thread, no database. Only a function that
isn't in the in-memory view, and an Event (which must be on disk before it is accepted), take an asynchronous turn.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from lambent.clock import Clock
from lambent.core.admission import Admission
from lambent.core.arn import function_arn
from lambent.core.errors import ApiError, RecursiveInvocation, TooManyRequests
from lambent.core.function import FunctionTarget
from lambent.core.invocation import Invocation, InvocationResult, ResponseSink
from lambent.core.recursion import STOPPED, parse_lineage, passed
from lambent.core.sampling import Sampler
from lambent.core.scope import Scope
from lambent.core.tenant_isolation import tenant_mismatch
from lambent.core.trace_header import TraceHeader, parse_trace_header
from lambent.environments.fleet import Fleet
from lambent.ids import IdMaker
from lambent.observe.metrics import InvocationMetrics

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class InvokeRequest:
    """What a caller asks for; everything checked but the existence of the function.

    Attributes:
        trace_id: the caller's X-Ray header, or empty; `InvokeService.invoke` puts the one there that the function has.
        trace_root: the id of a trace that the invocation begins, where it was given one already; else empty.
    """

    scope: Scope
    function_name: str
    qualifier: str | None
    request_id: str
    payload: bytes
    log_tail: bool = False
    trace_id: str = ""
    client_context: str = ""
    cognito_identity: str = ""
    tenant_id: str = ""
    stream: ResponseSink | None = None
    trace_root: str = ""


class Targets(Protocol):
    """The in-memory view of what can be invoked."""

    def resolve(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget | None:
        """The target, or None when it must be loaded first; raises ApiError."""

    async def load(self, scope: Scope, name: str, qualifier: str | None) -> FunctionTarget:
        """Read it from the store; raises ApiError, e.g. ResourceNotFound."""


class InvokeService:
    """Invocations of every type but Event, whose queue calls `invoke_and_wait` here in its turn."""

    def __init__(
        self,
        *,
        targets: Targets,
        admission: Admission,
        fleet: Fleet,
        metrics: InvocationMetrics,
        ids: IdMaker,
        clock: Clock,
    ) -> None:
        self._metrics = metrics
        self._targets = targets
        self._admission = admission
        self._fleet = fleet
        self._ids = ids
        self._clock = clock
        self._sampler = Sampler()
        self._tasks: set[asyncio.Task[None]] = set()

    def invoke(
        self,
        request: InvokeRequest,
        on_result: Callable[[InvocationResult], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Run a function and hand its answer to on_result; what keeps it from running goes to on_error.

        Errors: ResourceNotFound, ResourceConflict (not Active), InvalidParameterValue (a tenant is named and mustn't
        be, or the other way round), RecursiveInvocation, TooManyRequests, ServiceFault.
        """
        try:
            target = self._targets.resolve(request.scope, request.function_name, request.qualifier)
            if target is not None:
                self._admit(target, request, on_result, on_error)
                return
        except ApiError as error:
            on_error(error)
            return
        self._later(self._load_and_admit(request, on_result, on_error))

    async def _load_and_admit(
        self,
        request: InvokeRequest,
        on_result: Callable[[InvocationResult], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        try:
            target = await self._targets.load(request.scope, request.function_name, request.qualifier)
            self._admit(target, request, on_result, on_error)
        except Exception as error:  # noqa: BLE001 - the caller's callback renders whatever it is
            on_error(error)

    def _admit(
        self,
        target: FunctionTarget,
        request: InvokeRequest,
        on_result: Callable[[InvocationResult], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        _check_tenant(target, request)
        if request.trace_id or target.traced:
            self._trace(target, request)
        else:
            request.trace_id = self._ids.trace_header(self._clock.now_ms(), target.resource_hash, request.trace_root)
        scope, name = request.scope, request.function_name
        reason = self._admission.try_acquire(scope, name, target.version)
        if reason is not None:
            self._metrics.of(target).throttles += 1
            raise TooManyRequests(reason=reason)
        invocation = Invocation(
            request.request_id,
            request.payload or b"{}",
            function_arn(scope, name, request.qualifier),
            request.trace_id,
            request.client_context,
            request.cognito_identity,
            request.tenant_id,
            "application/json",
            request.log_tail,
            on_result,
            request.stream,
        )
        release = partial(self._admission.release, scope, name, target.version)
        try:
            self._fleet.invoke(target, invocation, on_refused=on_error, on_ended=release)
        except Exception:
            release()  # a bug must not keep the function's concurrency
            raise

    async def invoke_and_wait(self, request: InvokeRequest) -> InvocationResult:
        """`invoke` for callers that can wait; raises what on_error would be given."""
        future: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()

        def on_error(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        def on_result(result: InvocationResult) -> None:
            if not future.done():
                future.set_result(result)

        self.invoke(request, on_result, on_error)
        return await future

    async def check(self, request: InvokeRequest) -> None:
        """A DryRun: whether the function could be invoked; raises as `invoke`."""
        await self._checked(request)

    async def check_event(self, request: InvokeRequest, *, continues_trace: bool = True) -> None:
        """`check`, and what all attempts of an asynchronous invocation have in common: trace and sampling decision.

        Args:
            continues_trace: or else it is in a trace of its own, which isn't sampled; the chain of invocations goes on.
        """
        target = await self._checked(request)
        trace = self._decided(target, request) if continues_trace else self._begun(request)
        request.trace_id = str(trace)

    async def _checked(self, request: InvokeRequest) -> FunctionTarget:
        target = self._targets.resolve(request.scope, request.function_name, request.qualifier)
        if target is None:
            target = await self._targets.load(request.scope, request.function_name, request.qualifier)
        _check_tenant(target, request)
        return target

    def _begun(self, request: InvokeRequest) -> TraceHeader:
        """A new trace that isn't sampled, with the caller's lineage."""
        caller = parse_trace_header(request.trace_id)
        root = self._ids.trace_root(self._clock.now_ms())
        return TraceHeader(root, sampled=False, lineage="" if caller is None else caller.lineage)

    def _decided(self, target: FunctionTarget, request: InvokeRequest) -> TraceHeader:
        """The caller's trace, or a new one, with the decision whether it is sampled."""
        now_ms = self._clock.now_ms()
        trace = parse_trace_header(request.trace_id) or TraceHeader(request.trace_root or self._ids.trace_root(now_ms))
        if trace.sampled is not None:
            return trace
        sampled = target.traced and self._sampler.sample(
            target.scope, target.function_name, now_ms=now_ms, draw=self._ids.fraction()
        )
        return trace._replace(sampled=sampled)

    def _trace(self, target: FunctionTarget, request: InvokeRequest) -> None:
        """Continue the caller's trace.

        Raises:
            RecursiveInvocation: the chain of invocations is a loop.
        """
        trace = self._decided(target, request)
        lineage = passed(parse_lineage(trace.lineage), target.resource_hash, allows_loops=target.allows_loops)
        if lineage is None:
            self._metrics.of(target).recursive_drops += 1
            raise RecursiveInvocation(STOPPED)
        request.trace_id = str(TraceHeader(trace.root, self._ids.token(16), trace.sampled, str(lineage)))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="load function")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check_tenant(target: FunctionTarget, request: InvokeRequest) -> None:
    if target.per_tenant is not (request.tenant_id != ""):
        raise tenant_mismatch(per_tenant=target.per_tenant)
