"""What happened in a run, and the table of it."""

import collections
import statistics
import time
from bisect import bisect_left

from promise import may_be_lost

# A turn from its beginning to the moment when all was whole again. `struck`: the times before and after the
# fault was brought about; `undone`: when it was taken back. None: there was none.
Window = collections.namedtuple("Window", "what fault begin end struck undone")

COLUMNS = ("what was done", "count", "acknowledged", "lost", "beyond the promise", "unavailable s, max", "p50")
LOST_SHOWN = 40


class Record:
    def __init__(self, durability):
        self.durability = durability
        self.begin = time.monotonic()
        self.windows = []

    def add(self, what, fault, begin, struck, undone):
        self.windows.append(Window(what, fault, begin, time.monotonic(), struck, undone))

    def beyond_promise(self, verdict):
        """Of the lost writes those that the document does not give up."""
        return [(at, text) for at, text in verdict.lost if not may_be_lost(self.durability, self.window_of(at), at)]

    def window_of(self, at):
        """The last turn that had begun when a write was acknowledged; its loss is put down to that one."""
        begun = [window for window in self.windows if window.begin <= at]
        return begun[-1] if begun else None

    def table(self, traffic, verdict):
        acknowledged_at = sorted(at for writer in traffic.writers for key in [*writer.keys, *writer.retired] for at in key.acknowledged_at)
        lost, beyond = self.by_turn(verdict.lost), self.by_turn(self.beyond_promise(verdict))
        rows = [COLUMNS]
        for what in sorted({window.what for window in self.windows}):
            windows = [window for window in self.windows if window.what == what]
            # Of each turn the shard that was away for longest.
            gaps = [max(writer.longest_gap_s(window.begin, window.end) for writer in traffic.writers) for window in windows]
            count = sum(count_between(acknowledged_at, window.begin, window.end) for window in windows)
            rows.append((what, str(len(windows)), str(count), str(lost[what]), str(beyond[what]), f"{max(gaps):.2f}", f"{statistics.median(gaps):.2f}"))
        rows.append(("all", str(len(self.windows)), str(verdict.acknowledged), str(len(verdict.lost)), str(beyond.total()), "", ""))
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        return "\n".join("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                                   for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)

    def by_turn(self, lost):
        windows = (self.window_of(at) for at, _ in lost)
        return collections.Counter(window.what if window else "before" for window in windows)

    def story_of_loss(self, lost):
        """The first lost writes, each with the turn in which it was acknowledged."""
        lines = []
        for at, text in sorted(lost)[:LOST_SHOWN]:
            window = self.window_of(at)
            where = f"{window.what}, {at - (window.struck or [window.begin])[0]:.3f} s after it {'struck' if window.struck else 'began'}" if window else "before the first turn"
            lines.append(f"  at {at - self.begin:.3f} s: {text} ({where})")
        return "\n".join(lines)


def count_between(sorted_times, begin, end):
    return bisect_left(sorted_times, end) - bisect_left(sorted_times, begin)
