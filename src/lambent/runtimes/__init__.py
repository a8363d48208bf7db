"""What runs inside execution environments: one folder for each language family.

`catalogue` says what a runtime identifier means to the API, `providers` what this machine has of it, `overview` both
together for people. A family's folder finds what serves its identifiers (`probes` asks programs what they are) and
holds, in ``client/``, the code that runs inside sandboxes: that code is never imported by the server, but mounted at
/var/runtime. `installation` is the directory of what `lambent runtime install` gets.
"""
