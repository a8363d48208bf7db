"""AWS Lambda as software anyone can run.

The layers, from the outside in: `gateway` (HTTP) → `sources` (what invokes by itself) → `services` (use
cases) → `environments` (execution environments) → `store`, `sandbox`, `runtimes`, `observe` → `wire`
(protocols) → `core` (rules). Imports point down only. `app` wires the parts of a server, `cli` is the
program.
"""
