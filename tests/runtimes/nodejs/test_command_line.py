"""The flags of a Node.js function's interpreter."""

from lambent.runtimes.nodejs.command_line import interpreter_flags


def test_the_heap_takes_most_of_the_functions_memory() -> None:
    assert {"--max-old-space-size=115", "--max-semi-space-size=6"} <= set(interpreter_flags("nodejs20.x", 128, {}))
    assert {"--max-old-space-size=9216", "--max-semi-space-size=512"} <= set(interpreter_flags("nodejs24.x", 10240, {}))


def test_what_a_version_does_not_know_it_does_not_get() -> None:
    assert "--expose-internals" not in interpreter_flags("nodejs22.x", 128, {})
    assert not any("require-module" in flag for flag in interpreter_flags("nodejs24.x", 128, {}))


def test_node_options_are_not_contradicted() -> None:
    options = "--max_old_space_size=64 --experimental-require-module --enable-source-maps"
    flags = interpreter_flags("nodejs22.x", 128, {"NODE_OPTIONS": options})
    assert not any("old-space" in flag or "require-module" in flag for flag in flags)
    assert "--max-semi-space-size=6" in flags
