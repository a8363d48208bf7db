"""Receipt handles of one queue's messages: they say by themselves whose they are, so that none has to be remembered."""

import base64
import binascii
import hashlib
import secrets

_PREFIX = "AQEB"  # as AWS's begin
_MAC_BYTES = 32


class HandleInvalid(Exception):
    """A receipt handle isn't one of this queue."""


class ReceiptHandles:
    """Writes and reads them."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def write(self, number: int, receive: int) -> str:
        """The handle of a message, by its number, and of one receive of it."""
        told = f"{number}:{receive}".encode()
        return _PREFIX + base64.b64encode(self._mac(told) + told).decode()

    def read(self, handle: str) -> tuple[int, int]:
        """What it was written for.

        Raises:
            HandleInvalid: it wasn't written here.
        """
        try:
            raw = base64.b64decode(handle.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError) as error:
            raise HandleInvalid from error
        mac, told = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not handle.startswith(_PREFIX) or not secrets.compare_digest(mac, self._mac(told)):
            raise HandleInvalid
        number, _, receive = told.decode().partition(":")
        return int(number), int(receive)

    def _mac(self, told: bytes) -> bytes:
        return hashlib.blake2b(told, key=self._secret, digest_size=_MAC_BYTES).digest()
