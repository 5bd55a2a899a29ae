# SPDX-License-Identifier: Apache-2.0
"""The loans that a supervisor's events.jsonl tells of (launcher/protocol/rebalance_event.h)."""
import datetime
import json
import time

BEGIN_REASONS = {"lends", "shares", "online"}
BY_HAND = "rebalance"


def cpus_of(text):
    """The CPUs of a list as the kernel spells it: "0-2,8"."""
    ends = [part.split("-") for part in text.split(",") if part]
    return [cpu for end in ends for cpu in range(int(end[0]), int(end[-1]) + 1)]


def events_of(path, kinds):
    with open(path, encoding="utf-8") as file:
        return [event for event in map(json.loads, file) if event["what"] in kinds]


def steps_of(path):
    """The steps of the monitor that changed loans in the kernel, oldest first."""
    return events_of(path, {"loan"})


def begin_of(step):
    """When a step was decided, in seconds of CLOCK_MONOTONIC."""
    return step["inputs"]["at_ns"] / 1e9


def time_of(event):
    """The same of any event, which has the time of day."""
    day = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
    return day - time.time() + time.monotonic()


def changes_of(event):
    """(begins, donor, borrower, CPU, reason, text) of each CPU whose loan an event begins or ends."""
    return [(decision["reason"] in BEGIN_REASONS, decision["from"], decision["to"], cpu, decision["reason"], decision["text"])
            for decision in event["decisions"] for cpu in cpus_of(decision["cpus"])]


def loans_by_cpu(path):
    out, done = {}, []
    for event in events_of(path, {"loan", BY_HAND}):
        if event["what"] == BY_HAND:        # tells how many loans are left: without any, all have ended
            at = time_of(event)
            changes = [] if event["inputs"]["loans"] else [(False, *key, BY_HAND, event["reason"]) for key in out]
        else:
            at, changes = begin_of(event), changes_of(event)
        for begins, donor, borrower, cpu, reason, text in changes:
            key = donor, borrower, cpu
            if begins:
                out[key] = {"from": donor, "to": borrower, "cpus": [cpu], "begin": at, "end": None,
                            "begin_reason": reason, "begin_text": text, "end_reason": "", "end_text": ""}
            elif key in out:
                done.append({**out.pop(key), "end": at, "end_reason": reason, "end_text": text})
    return [*done, *out.values()]


def loans_of(path):
    """Each loan from its begin to its end (None: it is still out), in seconds of CLOCK_MONOTONIC.

    CPUs that are lent and returned together are one loan.
    """
    together = {}
    for loan in loans_by_cpu(path):
        together.setdefault((loan["begin"], loan["end"] or 0, loan["from"], loan["to"]), []).append(loan)
    return [{**same[0], "cpus": sorted(cpu for loan in same for cpu in loan["cpus"]),
             "seconds": same[0]["end"] - same[0]["begin"] if same[0]["end"] else None}
            for _, same in sorted(together.items())]
