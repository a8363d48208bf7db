"""The managed Node.js runtimes.

`interpreters` finds the Node.js of this machine, each serving the identifier of exactly its major version;
``client/`` runs inside sandboxes.
"""
