"""Function URLs: a plain HTTP request becomes an event, and what the function returns becomes the answer.

event.py    request -> payload format 2.0
answer.py   response -> status, headers, body
cors.py     preflights, and the headers of all other answers
handler.py  which URL a request is for, who may call it, the invocation between the other three
"""
