"""Recursion detection: what a function wants done when it is in a loop with a queue, a topic or a bucket.

Source: developer guide, "Lambda recursive loop detection"; the default is recorded (api-errors.md §13).
"""

DEFAULT_RECURSIVE_LOOP = "Terminate"
"""Of a function that was never given a configuration; the other value is `Allow`."""
