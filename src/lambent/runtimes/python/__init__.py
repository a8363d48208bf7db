"""The managed Python runtimes.

`interpreters` finds the CPythons of this machine, each serving the identifier of exactly its version; `sdk`
says what of boto3 their functions see; ``client/lambent_runtime`` runs inside sandboxes.
"""
