"""The isolation around one execution environment.

`choice.py` finds out what there can be: namespaces on Linux, as root or in a user namespace (`user_namespace.py`) and
then with less of what follows (`promises.py`); or plain processes (`process/`).

A *zygote* per runtime lives in a read-only root file system of its own and forks *blank* environments: a pid 1,
which makes the namespaces (pid, mount, network, IPC, host name) and then only waits to be ended, and the runtime
process, which enters them, joins its cgroups, gets a user of its own, loses every capability, loads the seccomp
filter and then waits. Up to here no tenant is involved. `SandboxPool` keeps some of these; a cold start takes
one, writes its limits and has the zygote mount the function's code (`Sandbox.specialise`).

A *sandbox* outlives the *generations* of its runtime process: after a timeout or a crash `restart` starts the
next one with the same /tmp, user, cgroup and namespaces.

What is needed of the host is data: `rootfs.py` (the steps of the root file system), `seccomp/*.json` (the
calls allowed), `network/` (the rules of the network namespace), `cgroup.py` (limits, for v1 and v2). One executor
each; any failed step ends the half-built environment and is named. Nothing is left behind when the server is
killed: processes end with the leashes that the server holds, mounts and loop devices with the processes, /tmp images
have no name; empty cgroups are removed by `reaper.py` at the next start.
"""
