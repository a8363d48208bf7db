"""Functions that run exactly as long as a test wants."""

import contextlib
import socket
import threading
from collections.abc import Iterator

# Connects to the gate that its event names, if any, waits for it to open, and says which environment it is.
WAITING = """\
import socket, uuid
ME = uuid.uuid4().hex

def handler(gate, context):
    if gate:
        with socket.create_connection(("127.0.0.1", gate)) as connection:
            connection.recv(1)
    return ME
"""


class Gate:
    """Listens on the host's loopback, which functions reach under `dev`; holds who has come until it is opened."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.event = str(self._listener.getsockname()[1]).encode()
        self._lock = threading.Lock()
        self._waiting: list[socket.socket] | None = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many invocations are being held."""
        with self._lock:
            return len(self._waiting or ())

    def open(self) -> None:
        """Let all go, and all that come later."""
        with self._lock:
            for connection in self._waiting or ():
                connection.close()
            self._waiting = None

    def close(self) -> None:
        self.open()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    if self._waiting is None:
                        connection.close()
                    else:
                        self._waiting.append(connection)


@contextlib.contextmanager
def closed_gate() -> Iterator[Gate]:
    """A gate that is opened at the end of the block, if not before."""
    gate = Gate()
    try:
        yield gate
    finally:
        gate.close()
