"""The use cases: what the API and the event sources ask for, as the callers mean it.

Control plane: `functions`, `versions`, `concurrency`, `account`; a change is committed first, then made ready
(`activation`) and made known to the data plane (`deployments`); code that nobody has any more goes later
(`code_sweep`). Data plane: `invoke` resolves a qualifier in memory (`catalogue_view`), admits and delivers; `events`
sees asynchronous invocations through. Collaborators come in through constructors; nothing here knows HTTP.
"""
