"""How measurements become a report: medians with their range, tables, targets, the conditions they were taken under, JSON."""

import argparse
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Samples:
    """Repeated measurements of one thing."""

    def __init__(self, unit):
        self.unit = unit
        self.values = []

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self):
        if not self.values:
            return "-"
        if len(self.values) == 1:
            return f"{number(self.median)} {self.unit}"
        return f"{number(self.median)} {self.unit} ({number(min(self.values))}-{number(max(self.values))})"

    def as_json(self):
        if not self.values:
            return None
        return {"unit": self.unit, "runs": len(self.values), "median": self.median, "min": min(self.values),
                "max": max(self.values), "values": self.values}


def number(value):
    """Three figures that mean something, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def ratio(other, ours):
    """How many times as much the other took: "3.4x"."""
    if not other.values or not ours.values or ours.median == 0:
        return "-"
    return f"{number(other.median / ours.median)}x"


class Report:
    """One benchmark's table with its targets. Cells are text or Samples."""

    def __init__(self, title, columns):
        self.title = title
        self.columns = columns
        self.rows = []
        self.notes = []
        self.targets = []
        self.conditions = conditions()

    def add_row(self, *cells):
        self.rows.append(cells)

    def add_note(self, text):
        self.notes.append(text)

    def add_target(self, what, samples, limit):
        """The median is to be at most `limit`, in the unit of the samples. No samples: missed."""
        value = samples.median if samples.values else None
        self.targets.append({"what": what, "value": value, "limit": limit, "unit": samples.unit,
                             "met": value is not None and value <= limit})

    def met(self):
        return all(target["met"] for target in self.targets)

    def print_text(self):
        finish = load_average()
        print(f"== {self.title}")
        table = [[cell.text() if isinstance(cell, Samples) else cell for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.columns))]
        for row in table:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        for target in self.targets:
            value = "nothing measured" if target["value"] is None else f"{number(target['value'])} {target['unit']}"
            print(f"  {'met   ' if target['met'] else 'MISSED'} {target['what']}: {value},"
                  f" target {number(target['limit'])} {target['unit']}")
        for note in self.notes:
            print(f"  {note}")
        facts = self.conditions
        print(f"  {facts['date']}, {facts['cores']} cores ({facts['processor']}), {facts['kernel']}, repository at {facts['commit']};"
              f" load average {facts['load']} before, {finish} after")
        print("  Cells are medians (least-most).", flush=True)

    def as_json(self):
        rows = [{column: cell.as_json() if isinstance(cell, Samples) else cell for column, cell in zip(self.columns, row)}
                for row in self.rows]
        return {"title": self.title, "conditions": {**self.conditions, "load_after": load_average()}, "rows": rows,
                "targets": self.targets, "notes": self.notes, "met": self.met()}


def load_average():
    return f"{os.getloadavg()[0]:.1f}"


def conditions():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"), "cores": os.cpu_count(),
            "processor": models[0] if models else platform.machine(), "kernel": f"Linux {platform.release()}",
            "commit": commit.stdout.strip() or "no commit", "load": load_average()}


def arguments(text, runs):
    """The parser with the options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("KEYWAY_PROGRAM", os.path.join(ROOT, "build/release/keyway")),
                        help="the keyway to measure (default: $KEYWAY_PROGRAM, else build/release/keyway)")
    parser.add_argument("--runs", type=int, default=runs, help=f"how often each thing is measured ({runs})")
    parser.add_argument("--port", type=int, default=17000,
                        help="the first of 3000 ports to use, and as many 10000 above for the cluster bus (17000)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    return parser


def tell(text):
    """Progress goes to stderr, so that stdout is the report alone."""
    print(text, file=sys.stderr, flush=True)


def unwind_on_signals():
    """The first SIGINT or SIGTERM unwinds, so that every server is stopped; further ones do not disturb that."""

    def unwind(number, frame):
        del frame
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, unwind)


def run_main(measure, options):
    """Measures, prints, and gives the exit code."""
    unwind_on_signals()
    report = measure(options)
    if options.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        report.print_text()
    return 1 if options.check and not report.met() else 0
