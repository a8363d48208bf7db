"""A file in /tmp is there for the next invocation of the same environment; elsewhere nothing can be written."""

import os
import shutil
import tempfile
import uuid

NOTES = os.path.join(tempfile.gettempdir(), "notes.txt")


def handler(event, context):
    with open(NOTES, "a") as notes:
        notes.write(f"{uuid.uuid4()}\n")
    with open(NOTES) as notes:
        lines = notes.readlines()
    try:
        with open("/var/task/notes.txt", "w"):
            refused = None
    except OSError as error:
        refused = error.strerror
    return {"lines": len(lines), "refused": refused, "free_mb": shutil.disk_usage("/tmp").free // (1 << 20)}
