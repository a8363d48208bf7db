"""The operations of the API, one module per resource.

An operation takes the decoded request (snake_case, checked against the API model) and answers the decoded response; it
reads *parse, call the use case, render* and holds no rules. `OPERATIONS` in `table.py` says which there are; the API
answers every other one of AWS's with an error that names it.
"""
