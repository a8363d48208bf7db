"""The managed Node.js runtimes.

`interpreters` finds the Node.js of this machine, each serving the identifier of exactly its major version;
`installation` gets more of them; `sdk` is the AWS SDK for JavaScript that their functions see;
``client/`` runs inside sandboxes.
"""
