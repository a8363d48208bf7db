"""What the words after `lambent` do: one module per subcommand, imported when it is chosen.

Each has `run(...) -> int`, the exit status: 0 for success, 1 when what was asked for failed, 2 when it was asked for
wrongly. Answers go to standard output, all else to standard error; `terminal` knows how both should look. `client` is
how a subcommand talks to a server: through the public API, as anybody would.
"""
