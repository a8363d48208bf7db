"""Parts of the composition root (`lambent.app`), by what they put together.

    sandboxes     the sandboxes of this host: which kind it can have, and what makes them
    environments  an execution environment around a sandbox: variables, code, log stream, INIT
    background    tasks that belong to the server and to nobody's request

As in the root itself, nothing here has rules of its own.
"""
