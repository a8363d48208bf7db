"""What Lambent has promised to remember: SQL, deployment packages and the queue of events.

    data_directory   the folder everything is in, its layout and its lock: one server at a time
    database         one SQL database: a writer thread, readers, units of work that are on disk when they return
    tables           the two schemas (control state, queue); the table modules add to them
    migrations       numbered steps from an earlier Lambent's schema to today's
    functions        the table module of functions and their versions
    layers           the table module of layers, their versions and policies
    events           the durable queue of asynchronous invocations, with group commit
    code_store       deployment packages as the services see them, made of
      blobs            the packages, by the SHA-256 of their bytes
      code_trees       the same, unpacked
      code_archive     what a valid package is, and how it is unpacked
      tree_stack       layers laid over each other
    event_source_mappings
                     the table module of mappings; settles their transitions
    code_source      deployment packages fetched from S3
    event_sources    whether a queue or a stream is there, asked of its service

A *unit of work* is what is committed together. A *package* is a zip as the caller uploaded it, a function's or a
layer's; its *tree* is that package unpacked. What was answered 2xx is on disk; what can be made again (trees) isn't
synced.
"""
