"""What can go wrong with a sandbox, as seen by the environments."""


class SandboxFailed(Exception):
    """A step of building or changing a sandbox failed; the message names step and object."""


class SandboxUnavailable(Exception):
    """No sandbox can be had for this runtime on this machine; the message says what is missing."""
