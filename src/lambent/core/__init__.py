"""The rules of Lambda, pure: no I/O, no clock, no asyncio; time is an argument.

Each module owns one of the ideas: what a function version is and how its state moves (`function`), what an
execution environment goes through (`environment`), how many invocations may run (`admission`), when an event
is tried again (`retry`), how functions are named (`arn`), what a function may be set to (`function_settings`,
`foreign_resources`, `function_features`), whom an environment may serve (`tenant_isolation`), which layers a function
may have and who may use one (`layers`, `layer_policies`), who may use a function, said in documents (`policies`,
`permissions`, `policy_documents`, `principals`), which function reads which queue or stream (`mappings`) and which
records it wants (`event_patterns`), what callers are told when something is wrong (`errors`),
what can go wrong around a function (`fault`), and which settings aren't in force yet (`honesty`).
Everything else in Lambent carries out what these decide.
"""
