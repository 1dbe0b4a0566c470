"""The one helper by which tests wait: for a condition, never for a time."""

import time

POLL_S = 0.02


def wait_for(condition, what, deadline_s=30):
    """Calls `condition` until it gives something true, and returns that. `what` completes "waited in vain for …"."""
    begin = time.monotonic()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() - begin > deadline_s:
            raise AssertionError(f"waited {deadline_s} s in vain for {what}; the last look gave {result!r}")
        time.sleep(POLL_S)
