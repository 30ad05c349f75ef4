"""One experiment by hand: ``python3 -m tests.crash WORKLOAD MODE [SYNCHRONOUS [PAGE_SIZE]]``.

    python3 -m tests.crash update WAL                             every crash of a workload
    python3 -m tests.crash update DELETE FULL 4096 313 mixed 0    one crash, as a failure names it
    … 313 mixed 0  17 torn512 0                                   and one within its recovery

Workloads are the functions of ``inside_workloads.py``. Slots have other names and journals other
bytes in each run; what happens in which order, and what a crash leaves of it, is the same.
"""

from __future__ import annotations

import sys
import time

import serve
from tests.crash.laboratory import Laboratory, shown

_CRASH = """
experiment = lab.current
for crash in crashes[:-1]:
    experiment = await recovery.recorded(experiment, tuple(crash))
lab.current = experiment
point, way, seed = crashes[-1]
experiment.plan(0, 1, points=[])
found = await experiment.try_crash((point, way, seed))
told = experiment.outcome.failures or [experiment.explain((point, way, seed), found, "nothing")]
told[0]
"""


def main(arguments: list[str]) -> int:
    """Returns 1 when something was wrong."""
    if len(arguments) < 2:
        print(__doc__)
        return 2
    workload, mode, synchronous, page_size = [*arguments, *("FULL", "4096")[len(arguments) - 2 :]][
        :4
    ]
    numbers = arguments[4:]
    crashes = [
        (int(point), way, int(seed))
        for point, way, seed in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    ]
    laboratory = Laboratory(serve.assemble())
    try:
        laboratory.prepare(workload, mode, synchronous, int(page_size))
        began = time.monotonic()
        if crashes:
            print(laboratory.run(_CRASH, crashes=crashes))
            outcome = laboratory.run("dataclasses.asdict(lab.current.outcome)")
        else:
            outcome = laboratory.try_all(0, 1)
            print(*outcome["failures"], sep="\n\n")
        print(shown(outcome, began))
    finally:
        laboratory.close()
    return int(bool(outcome["corrupt"] or outcome["lost"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
