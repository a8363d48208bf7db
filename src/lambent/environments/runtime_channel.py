"""The Runtime API as frames over a socket pair, for our own runtime clients: the thin codec of the hot path.

The same messages and the same state machine as `runtime_api`, which speaks HTTP. Frames have no answers to requests:
what would be refused over HTTP is passed over here. Nor is an event lost on the way to who asked for it: a runtime that
asks for the same one again isn't our client.
"""

import asyncio
import socket
from typing import Protocol

from lambent.core.environment_messages import (
    ErrorPosted,
    InitErrorPosted,
    NextRequested,
    Refuse,
    ResponsePosted,
    RuntimeRequest,
)
from lambent.core.fault import Fault, reported_error_type
from lambent.core.invocation import Invocation
from lambent.core.loop_share import LoopShare
from lambent.environments.response_stream import RuntimeStream
from lambent.environments.socket_stream import SocketStream
from lambent.wire import frames
from lambent.wire.frames import FrameError, FrameParser, LogRecord

_NEXT = NextRequested()
EXIT_GRACE_SECONDS = 0.25
"""A process that ends closes its descriptors a moment before its exit is known, and its exit status is what counts."""

# What a read brings for an invocation: a few log records, the response, the request for the next event.
_FREE_FRAMES = 4
_FRAME_SECONDS = 3e-6


class RuntimeCodec(Protocol):
    """One way in which a runtime can speak to its environment."""

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Give the event to the runtime."""

    def deliver_again(self, invocation: Invocation, deadline_ms: int) -> None:
        """Give it the same event once more, for which it has asked again."""


class RuntimePeer(Protocol):
    """The environment, as its codecs see it."""

    def on_request(self, codec: RuntimeCodec, request: RuntimeRequest) -> Refuse | None:
        """A request of the runtime; returns why not, or None where it is accepted."""

    def on_completion(self, codec: RuntimeCodec, request_id: str, payload: bytes) -> bool:
        """A response and the request for the next event have come together; False where it isn't the usual case.

        Then nothing has happened, and the two requests are to be handed in one after the other.
        """

    def on_stream(self, codec: RuntimeCodec, request_id: str, content_type: str) -> RuntimeStream | Refuse:
        """The runtime begins a response that it gives in pieces; returns where they go, or why not."""

    def on_received(self) -> None:
        """Requests have come, and will be handed in now."""

    def on_log(self, record: LogRecord) -> None:
        """A log record came in the order of the other requests."""

    def on_violation(self, why: str) -> None:
        """The runtime's side can't be understood any more, or has closed: it must be killed."""


class FramesChannel:
    """One process generation's frames socket."""

    __slots__ = ("_bound", "_chunks", "_credit", "_loop", "_parser", "_peer", "_response", "_stream", "_streaming")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, channel: socket.socket, peer: RuntimePeer, share: LoopShare
    ) -> None:
        """Read from now on; the socket is this object's to close."""
        self._loop = loop
        self._peer = peer
        self._parser = FrameParser()
        self._stream = SocketStream(loop, channel, on_data=self._on_data, on_end=self._on_end, share=share)
        self._bound = False  # the runtime has asked for its first event here
        self._streaming = False  # between the beginning and the end of a response in chunks
        self._response: RuntimeStream | None = None  # where they go; nowhere if it was refused
        self._chunks: list[bytes] = []  # that came together: what is in crumbs goes on as one
        self._credit = 0  # bytes of chunks that have come since the last CREDIT

    def begin_init(self, init_frame: bytes) -> None:
        """Send the INIT frame."""
        self._stream.send(init_frame)

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Send the INVOKE frame."""
        self._stream.send(frames.encode_invoke(invocation, deadline_ms), invocation.payload)

    def deliver_again(self, invocation: Invocation, deadline_ms: int) -> None:
        """Nothing is lost on a socket pair.

        Raises:
            FrameError: always; it is the answer to the frame in hand.
        """
        raise FrameError(f"the runtime asks again for event {invocation.request_id} of deadline {deadline_ms}")

    def drain(self) -> None:
        """Take what a process that has ended sent before."""
        self._stream.drain()

    def close(self) -> None:
        """Hear and say no more."""
        self._stream.close()

    def _on_data(self, data: bytes) -> None:
        if self._parser.between_frames:
            completion = frames.parse_completion(data)
            if completion is not None:
                request_id, _, payload = completion
                if self._peer.on_completion(self, request_id.decode("utf-8", "replace"), payload):
                    return
        try:
            received = False
            taken = self._parser.feed(data)
            for frame_type, body in taken:
                if not received and frame_type != frames.LOG:
                    received = True
                    self._peer.on_received()
                if frame_type == frames.CHUNK:
                    self._take_chunk(body)
                    continue
                if self._chunks:
                    self._pass_on()
                self._take(frame_type, body)
                if self._stream.closed:
                    return
            if self._chunks:
                self._pass_on()
        except FrameError as error:
            self._stream.stop_reading()
            self._peer.on_violation(str(error))
            return
        self._stream.expected = self._parser.missing
        if len(taken) > _FREE_FRAMES:
            self._stream.charge(len(taken) * _FRAME_SECONDS)

    def _take(self, frame_type: int, body: bytes) -> None:
        peer = self._peer
        if frame_type == frames.LOG:
            peer.on_log(frames.parse_log(body))
        elif frame_type == frames.NEXT:
            if peer.on_request(self, _NEXT) is None:
                self._bound = True
        elif frame_type == frames.RESPONSE:
            request_id, _, payload = frames.parse_fields(body, 2)
            peer.on_request(self, ResponsePosted(request_id.decode("utf-8", "replace"), payload))
        elif frame_type == frames.ERROR:
            request_id, _, payload = frames.parse_fields(body, 2)
            peer.on_request(self, ErrorPosted(request_id.decode("utf-8", "replace"), payload))
        elif frame_type == frames.INIT_ERROR:
            error_type, payload = frames.parse_fields(body, 1)
            peer.on_request(self, InitErrorPosted(_error_type(error_type), payload))
        elif frame_type == frames.LAUNCH_FAILED:
            error_type, reason = frames.parse_fields(body, 1)
            message = reason.decode(errors="replace")
            peer.on_request(
                self, InitErrorPosted(reported_error_type(error_type.decode(errors="replace")), None, message)
            )
        else:
            self._take_stream(frame_type, body)

    def _take_stream(self, frame_type: int, body: bytes) -> None:
        """A response in chunks; those of one that was refused, or is over already, are passed over."""
        response = self._response
        if frame_type == frames.STREAM_START:
            if self._streaming:
                raise FrameError("a second response's beginning before the first one's end")
            request_id, content_type, _ = frames.parse_fields(body, 2)
            begun = self._peer.on_stream(self, request_id.decode("utf-8", "replace"), content_type.decode("latin-1"))
            self._response = None if isinstance(begun, Refuse) else begun
            self._streaming = True
            self._credit = 0
            if self._response is not None:
                self._response.on_wanted = self._give_credit
        elif not self._streaming:
            raise FrameError("a response's end without its beginning")
        else:
            self._streaming = False
            self._response = None
            self._end_stream(response, frame_type, body)

    def _take_chunk(self, body: bytes) -> None:
        if not self._streaming:
            raise FrameError("a response's chunk without its beginning")
        self._credit += len(body)
        if self._credit > frames.STREAM_WINDOW_BYTES:
            raise FrameError(f"{self._credit} bytes of a response without credit for them")
        self._chunks.append(body)

    def _pass_on(self) -> None:
        """The chunks that came together."""
        chunks, self._chunks = self._chunks, []
        response = self._response
        if response is not None:
            response.write(b"".join(chunks))
        if response is None or response.wanted:
            self._give_credit()

    def _end_stream(self, response: RuntimeStream | None, frame_type: int, body: bytes) -> None:
        if response is None:
            return
        response.on_wanted = None
        if frame_type == frames.STREAM_END:
            response.end()
        else:
            error_type, payload = frames.parse_fields(body, 1)
            response.fail(Fault(_error_type(error_type), "", payload))

    def _give_credit(self) -> None:
        """The chunks so far have been passed on: as many bytes may follow."""
        if self._credit:
            self._stream.send(frames.encode_credit(self._credit))
            self._credit = 0

    def _on_end(self) -> None:
        """The other end is closed: by the process's end, or by exec of a program that speaks HTTP, or on purpose."""
        if self._bound:
            self._loop.call_later(EXIT_GRACE_SECONDS, self._kill_if_open)

    def _kill_if_open(self) -> None:
        if not self._stream.closed:
            self._peer.on_violation("the frames socket was closed")


def _error_type(field: bytes) -> str:
    return reported_error_type(field.decode(errors="replace"))
