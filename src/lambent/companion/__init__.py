"""The companion: the rest of AWS behind Lambent's own port, under `lambent dev`.

*The companion* is a moto server, a process of its own that a `CompanionProcess` starts when the first request for
another service than Lambda comes, and again after it has died. It listens on a Unix socket in the data directory, so
that nobody but the gateway reaches it. Its state is in memory only.

`Forwarder` carries a request to it, or to an endpoint that the environment names instead, and its answer back, both in
pieces. Which requests those are is the gateway's to decide.

What runs inside the companion is in `launcher`: moto with its Lambda taken out, and ours put in its place.
"""
