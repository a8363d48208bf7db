"""What runs inside execution environments: one folder for each language family.

`catalogue` says what a runtime identifier means to the API. A family's folder finds what serves its
identifiers on this machine and holds, in ``client/``, the code that runs inside sandboxes: that code is never
imported by the server, but mounted at /var/runtime.
"""
