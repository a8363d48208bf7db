"""HTTP: check, route, decode, call, render; no rules.

A connection is an `http_server.HttpProtocol`; every request passes `front` (where it comes from, who sends
it), an Invoke goes on in `invoke`, the rest in `api`, which calls one small function per operation
(`operations/`). `errors` is the one place where an exception becomes an answer.
"""
