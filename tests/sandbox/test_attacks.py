#!/usr/bin/python3
"""No attack gets through, at any level that must stop it, and each ends as attacks.def declares.

As root and as an ordinary user, warm and cold, with cgroups and with their substitutes.
"""
import collections

from support import Counts, Driver, lines, users

MINIMUM = 60
WAYS = [([], "warm"), (["--cold"], "cold"), (["--no-cgroup"], "warm, without cgroups")]


def check(counts, self_test, reports, user, how):
    outcomes = collections.Counter()
    missing = collections.defaultdict(list)
    for report in reports:
        name = "%s at %s, as %s, %s" % (report["name"], report["level"], user, how)
        if report["outcome"] == "skipped" and report["detail"].endswith(": sampling") and \
                "cgroup" in self_test[report["level"]]["mechanisms"]:
            continue  # it is about the cgroups' substitute, which has a run of its own
        outcomes[report["outcome"]] += 1
        if report["outcome"] == "skipped":
            counts.skipped += 1
            missing[report["detail"]].append("%s at %s" % (report["name"], report["level"]))
        else:
            counts.ok(report["outcome"] == "stopped", name,
                      "%s: %s" % (report["outcome"], report["detail"]))
    print("as %s, %s: %s" % (user, how, ", ".join("%d %s" % (n, o) for o, n in outcomes.items())))
    for why, names in missing.items():
        print("skipped, %s: %s" % (why, ", ".join(names)))


def main():
    counts = Counts()
    driver = Driver()
    for user in users():
        for options, how in WAYS:
            if user == "nobody" and "--no-cgroup" in options:
                continue  # has none as it is
            _, self_test, reports = lines(driver.command(user, *options, "attack"))
            for level, found in self_test.items():
                counts.ok(found["available"], "%s available as %s" % (level, user), found["reason"])
            names = {report["name"] for report in reports}
            counts.ok(len(names) >= MINIMUM, "at least %d attacks" % MINIMUM, len(names))
            check(counts, self_test, reports, user, how)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
