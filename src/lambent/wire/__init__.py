"""Protocols without I/O: bytes, or what was read from them, go in and come out; nothing here opens a socket or a file.

*HTTP/1.1* (`http`) and *SigV4* (`sigv4`) carry every request. *rest-json* is how the Lambda API looks on them: the
`service_model` is AWS's own description, `routes` finds the operation, `json_values`, `text_values` and `timestamps`
translate what it is sent, `constraints` refuses what the model doesn't allow, and `rest_json` puts them together.
*Frames* (`frames`) are what our own runtime clients speak with the server.

Names are AWS's CamelCase on the wire and snake_case inside; the rest-json codec is the one place that knows both.
"""
