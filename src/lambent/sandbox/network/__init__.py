"""The network of one execution environment: a namespace of its own and a bridge in the server.

Nothing of the host's firewall, routes or interfaces is touched, and nothing can be left behind: there is no
virtual cable and no address translation. Inside the namespace the loopback device has a route that makes
*every* address local, and nftables rules hand the first packet of what nobody inside answers to the server
(`plan.py`: the steps as data, carried out by `lambent_runtime.netns` as root before there is a tenant).
The server's `Bridge` then connects from the host's namespace first and lets the function's handshake go on only
when that has succeeded, so that the function sees what it would see on the host: the connection, "connection
refused", or silence.

    plan.py       network modes, addresses, the steps of a namespace     netlink.py   messages to the kernel
    rules.py      the nftables rules                                     packets.py   packets the rules hand over
    policy.py     which destinations a function may reach                inside.py    sockets inside a namespace
    bridge.py     one Bridge per server, one Attachment per namespace    splice.py    bytes of one TCP connection
    datagrams.py  UDP flows                                              dns.py       names, by the host's resolvers

Words: *inside* is the environment's namespace, *outside* the host's. A *flow* is one TCP connection or one pair of
UDP addresses. An idle environment costs the server one descriptor and no processor time.
"""
