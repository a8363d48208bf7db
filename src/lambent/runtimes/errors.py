"""What can be missing on this machine."""


class RuntimeMissing(Exception):
    """A runtime identifier can't be served on this machine; the message says why, and what to do."""
