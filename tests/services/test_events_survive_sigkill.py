"""The promise of 202: an accepted event is invoked, also when the server is killed in between."""

import signal
import subprocess
import sys
from pathlib import Path

from lambent.store.event_queue import EventQueue
from lambent.store.lanes import Share

KILLS = 4


async def test_no_accepted_event_is_lost_when_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    accepted: set[str] = set()
    invoked: set[str] = set()
    for kill in range(KILLS):
        run_until_killed(url, accepted, invoked, after_lines=300 + 157 * kill)
    queue = EventQueue.open(url)
    shares = [Share(function, 1_000_000) for function, _ in await queue.lanes()]
    found = await queue.claim(shares, now_ms=2**62, lease_until_ms=2**62) if shares else []
    queue.close()
    waiting = {claimed.event.request_id for left in found for claimed in left.claimed}
    assert accepted
    assert accepted - invoked - waiting == set(), "accepted, never invoked, and gone"


def run_until_killed(url: str, accepted: set[str], invoked: set[str], *, after_lines: int) -> None:
    command = [sys.executable, str(Path(__file__).with_name("event_server.py")), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for number, line in enumerate(server.stdout):
            what, _, request_id = line.strip().partition(" ")
            (accepted if what == "accepted" else invoked).add(request_id)
            if number == after_lines:
                server.send_signal(signal.SIGKILL)
    assert server.returncode == -signal.SIGKILL
