"""Event source mappings: which function reads which queue or stream, and how. Rules only; nothing is read here.

Words:
    event source   a queue, stream, topic or change stream of another service (`EventSource`), of one of eight kinds.
    settings       what a caller may set on a mapping (`MappingSettings`): batches, windows, filters, retries …
    mapping        settings, source and function, with a state (`EventSourceMapping`); the API's
                   EventSourceMappingConfiguration is this, rendered.

`sources` recognises a source by its ARN; `settings` has the settings and their defaults; `checks` says which settings
a source may have and what is wrong with them; `rules` makes the settings of a request; `mapping` has states and
duplicates.

A mapping is committed in a transitional state (Creating, Updating, Enabling, Disabling, Deleting), which is what the
caller is answered, and settled behind the answer.

Source: api-event-source-mappings.md (recorded from AWS where not said otherwise).
"""
