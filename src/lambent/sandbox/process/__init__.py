"""The sandbox of last resort: the same life of an execution environment, without walls around it.

For systems without namespaces (macOS, containers that forbid them). Each environment has a *keeper*
(`lambent_runtime.keeper`), which starts the runtime process of each generation in a session of its own, with limits, a
clean environment and a /tmp directory of its own, and which ends, stops and reaps what the function starts. Nothing is
where AWS has it: `places.py` translates. The Runtime API listens on a loopback port for each environment, and hears
that environment's processes only, where the system tells who connects (`listeners.py`).

What doesn't hold is said at the start, by `lambent doctor` and in docs/explanation/security.md: the function is a
program of the user's that reads, writes and reaches what the user does.
"""
