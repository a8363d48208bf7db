"""Execution environments: each one state machine's shell, and all of them together.

`environment` performs on a sandbox what `core.environment` decides; it speaks with the runtime by frames
(`runtime_channel`) or by AWS's Runtime API over HTTP (`runtime_api`), whichever asks for an event first, and
captures what the function writes (`log_capture`). `fleet` owns the environments of this host: who is idle,
who waits for one, who must go. `zygote_plans` and `variables` say what a runtime's processes are made of and
what they find around them.
"""
