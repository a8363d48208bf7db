"""`make bench`: one program that drives a real `lambent serve`, signed requests and all, and measures it.

Every figure stands beside the same figure of a *raw hello*: the smallest HTTP server that can be written on uvloop and
httptools, measured by the same client in the same run. The ratio says what Lambent adds, whatever the machine.

`processes` starts both servers and reads what they cost, `hello` is the raw hello, `load` the client, `packages` and
`deployment` the functions, `run` what every scenario is given, `scenarios` the measurements, `results` the figures,
`bars` what must hold, `report` the tables and the JSON. `neighbours` is a program of its own: others beside Lambent.
"""
