"""Runs inside the companion's process: a moto server whose Lambda is the Lambent that started it.

moto's modules are changed when they are imported (`patching`), each by the module here that knows why: `accounts`
(whose request it is), `deliveries` (what other services invoke functions with), `stacks` (functions in CloudFormation
templates), `step_functions`. `functions` is what they reach Lambent with, over its public API. `application` is the
WSGI application around it all, and `__main__` the program.

Only this package imports moto, by name and when it is needed; the rest of Lambent never does.
"""
