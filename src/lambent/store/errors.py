"""What can go wrong with the store itself: the tree of errors that callers see instead of a driver's.

Nothing here is the API caller's fault: a missing row is `None`, a bad archive is an `ApiError`. What remains is a disk
that is full or gone, a constraint that decided a race, and files of another Lambent.
"""


class StoreError(Exception):
    """Root of the tree."""


class StoreConflict(StoreError):
    """A constraint refused the unit of work: somebody else was first. Nothing of it was kept."""


class StoreUnavailable(StoreError):
    """The storage can't be read or written now: an I/O error, a lock that isn't released, a closed database.

    Nothing of the unit of work was kept.
    """


class StoreFull(StoreUnavailable):
    """No space is left on the device. Nothing of the unit of work was kept, nothing half-written is visible."""


class StoreOverloaded(StoreUnavailable):
    """More work is waiting for the storage than is reasonable to queue; the caller should come back later."""


class SchemaTooNew(StoreError):
    """The database was written by a newer Lambent, whose schema this one doesn't know."""
