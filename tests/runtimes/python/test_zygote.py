"""The zygote outlives what goes wrong with one environment: all others of its runtime end with it."""

import errno
import importlib
import json
import signal
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from lambent.sandbox.user_namespace import CLONE_NEWNS
from lambent.sandbox.zygote import client_directory


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ESRCH, "setns: No such process"), "pid 1 has ended"),
        (OSError(errno.EAGAIN, "fork"), "BlockingIOError: [Errno 11] fork"),
    ],
)
def test_what_is_left_of_an_environment_that_is_ending_cannot_end_the_zygote(
    error: OSError, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pid 1 may end between the look for leftovers and their end."""
    monkeypatch.syspath_prepend(client_directory())
    zygote: Any = importlib.import_module("lambent_runtime.zygote")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "set_wakeup_fd", lambda *_, **__: -1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    config: Any = {}
    with ours, theirs:
        made = zygote.Zygote(config, theirs, zygote.Home(*(-1,) * 5), lambda _: None, None)
        monkeypatch.setattr(made, "_leftovers", lambda _: True)

        def refuse(*_: object) -> None:
            raise error

        monkeypatch.setattr(zygote, "linux", SimpleNamespace(setns=refuse, CLONE_NEWPID=0))
        made._runtime_ended(zygote._Environment(7, 1, 1, -1), 0)
        assert json.loads(ours.recv(1000)) == {"event": "failed", "id": 7, "step": told}


def test_a_zygote_that_cannot_come_back_from_an_environment_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was doing there: all that it does afterwards would be done to that environment."""
    monkeypatch.syspath_prepend(client_directory())
    zygote: Any = importlib.import_module("lambent_runtime.zygote")
    home = zygote.Home(*(-1,) * 5)
    with pytest.raises(SystemExit, match=r"can't leave an environment: .*setns"), home.left(CLONE_NEWNS):
        raise OSError("a step that fails")
