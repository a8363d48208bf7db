"""Lambent's client of the managed Python runtimes: what runs a function's code inside a sandbox.

It behaves as AWS's own Python client (awslambdaric 4.2.2) does: the same handler rules, context
object, JSON rules, log lines and error documents. It differs in how it talks to the server: binary
frames over an inherited socket instead of HTTP, one read and one write per warm invocation.

Two ways lead into a function:

- *forked*: the zygote imported this package long ago (`runtime.preload`); the child that an
  execution environment's init forked calls `runtime.main`, waits for INIT and goes on in place;
- *executed*: where a variable or a wrapper script must be seen by the interpreter's own start,
  `runtime.main` executes a fresh interpreter instead, whose script is `bootstrap.py`.

Both end in `invocations.serve`. Modules, in the order in which an invocation meets them:

    frames       the socket: INIT and INVOKE in, NEXT, RESPONSE, ERROR and LOG out
    runtime      from a blank process to a function's process
    search_path  sys.path, and which of the zygote's imports give way to the function's modules
    byte_code    imports of modules that were compiled when the function was deployed
    handler      from "pkg/module.function" to the object to call
    logs         stdout, stderr and the root logger, as frames
    context      the context object
    payload      JSON in and out by AWS's rules
    trace        the trace id in the environment of C, too
    errors       error documents and stack traces
    invocations  the loop that joins these
    rehearsal    all of it once in the zygote, so that forked processes write to less
    executed     instead of all of it: the function's own program, or a fresh interpreter
    process_end  how an interpreter ends, for a process that was forked from another

`compiler` is the function that makes that byte code, in an environment of its own.

Also here: `zygote`, `holes`, `fork_hooks`, `launcher`, `init`, `isolation`, `netns`, `linux`, which make the sandbox
that this runs in, and `keeper` and `spawned`, which do where there are no namespaces.
Standard library only, syntax of Python 3.9; nothing of the server imports it.
"""
