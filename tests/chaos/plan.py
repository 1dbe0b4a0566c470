"""What a run does, drawn from its seed: turns, each with an operation, a fault, or a fault in the middle of an operation. How many of them a run comes to
depends on the machine; which they are, in which order and upon whom, on the seed alone."""

import collections
import random

# `draws`: numbers in [0, 1) by which operation and fault choose their victims.
Turn = collections.namedtuple("Turn", "operation fault wait_s hold_s draws")

MIN_HOLD_S, MAX_HOLD_S = 0.5, 9.0
FAULT_ALONE = 0.5  # of the turns with a fault


def draw_turns(seed, kind, operations, faults):
    """Turns without end. `operations` that come in pairs, the second undoing the first, are given as a tuple and taken in turns."""
    random_ = random.Random(f"{seed}/{kind}/plan")
    taken = collections.Counter()
    while True:
        operation = random_.choice(operations)
        taken[operation] += 1
        if isinstance(operation, tuple):
            operation = operation[(taken[operation] - 1) % len(operation)]
        fault = random_.choice(faults) if kind == "unplanned" else None
        alone = random_.random() < FAULT_ALONE
        turn = Turn(operation, fault, random_.random() * 2, random_.uniform(MIN_HOLD_S, MAX_HOLD_S), tuple(random_.random() for _ in range(4)))
        if fault and alone:
            # A pair must stay a pair: the operation that is left out comes another time.
            if operation not in operations:
                taken[next(pair for pair in operations if isinstance(pair, tuple) and operation in pair)] -= 1
            turn = turn._replace(operation=None)
        yield turn


def pick(some, draw):
    """One of `some`, by a number in [0, 1)."""
    some = list(some)
    return some[int(draw * len(some))]
