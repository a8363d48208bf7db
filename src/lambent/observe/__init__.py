"""What an operator and a function's author can look at afterwards; today the logs.

A *log group* belongs to one account and region and is named after its function (`/aws/lambda/<function>`) unless the
function names another. A *log stream* is one execution environment's part of a group. A *log event* is a time stamp
and a text, usually one line. Events are collected in memory and written behind, every 100 ms, to *segments*:
append-only files of one group, which retention removes whole, by age and by the total size. What is written is never
synced: a killed server loses the last 100 ms, a killed machine what its kernel had not yet written.

`log_names` has AWS's naming rules, `log_segment` the format of a segment as pure functions, `log_files` says where
segments are, `log_store` writes them, `log_reader` reads them, also while a server writes and without one.
"""
