"""What is said of a sandbox, from what there is to build it with."""

from pathlib import Path

import lambent
from lambent.sandbox.promises import Means, promises, warnings

_ALL = Means(
    "namespaces", own_uids=True, loop_devices=True, controllers=frozenset({"memory", "cpu", "pids"}), freezer=True
)


def test_where_everything_is_there_everything_holds_and_nothing_is_said() -> None:
    assert {promise.held for promise in promises(_ALL)} == {"ok"}
    assert warnings(_ALL) == []


def test_every_sandbox_is_measured_by_the_same_promises() -> None:
    names = [promise.name for promise in promises(_ALL)]
    assert [promise.name for promise in promises(Means("namespaces"))] == names
    assert [promise.name for promise in promises(Means("process"))] == names


def test_a_user_without_rights_is_told_what_is_less_exact() -> None:
    (line,) = warnings(Means("namespaces"))
    less = "user, memory, processor, process count, temporary files, freeze"
    assert line == f"Held less exactly here: {less}; lambent doctor says how."


def test_processes_begin_with_the_loudest_line() -> None:
    first, *rest = warnings(Means("process"))
    assert first == "Functions run as plain processes, with nothing between them and what their user can do."
    assert any("files" in line for line in rest)


def test_a_system_that_tells_less_holds_less() -> None:
    linux = {promise.name: promise.held for promise in promises(Means("process"))}
    other = {promise.name: promise.held for promise in promises(Means("process", peers_known=False))}
    assert (linux["network"], other["network"]) == ("limited", "missing")
    assert (linux["kill"], other["kill"]) == ("ok", "limited")


def test_the_page_for_users_says_the_same() -> None:
    page = (Path(lambent.__file__).parents[2] / "docs" / "how-to" / "ordinary-user.md").read_text()
    columns = (_ALL, Means("namespaces"), Means("process"), Means("process", peers_known=False))
    held = [[promise.held for promise in promises(means)] for means in columns]
    for index, promise in enumerate(promises(_ALL)):
        assert f"| {promise.name} | {' | '.join(column[index] for column in held)} |\n" in page
