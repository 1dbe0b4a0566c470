"""What docs/spec.md ("Durability") says may be lost, as a question about one acknowledged write."""

# What a server's process had not yet sent when it was killed. In truth it is microseconds; this is for times that are taken elsewhere.
AT_ONCE_S = 0.25
# Under `safe` a primary refuses writes when no replica was heard for 5 s; a server looks at that once a second.
SAFE_LAG_S = 6.0
# Clients reach a primary that its replicas do not, so it may be replaced while it goes on.
SERVES_ON = {"cut_from_pods", "no_packets_in", "no_packets_out", "loss"}
# A server that stood still together with its keeper takes what reaches it before the keeper's first act.
WAKES_UP = {"stop_pod", "stop_primary_and_supervisor"}


def may_be_lost(durability, window, at):
    """`at`: when it was acknowledged, in `window` of the record."""
    if window is None or window.struck is None:
        return False
    begin, end = window.struck
    if window.fault in SERVES_ON:
        end = min(window.undone, end + SAFE_LAG_S) if durability == "safe" else window.undone
    elif window.fault in WAKES_UP and abs(at - window.undone) <= AT_ONCE_S:
        return True
    elif durability == "safe":
        return False
    return begin - AT_ONCE_S <= at <= end + AT_ONCE_S
