"""Whether workers ended as they were meant to.

What the harness asked for is meant: SIGTERM's end, SIGKILL, the death at an armed point. Of its own a worker
ends for three reasons only: another has its worker.id; the broker died and came back with the member that had
the id before; there was no broker when it started.
"""

import collections
import signal

IN_USE = "another worker has the same worker.id"
JOINED = "joined the group"
REFUSED = 1			# the exit status of all three

# begin, end: as time.monotonic() tells; end is None as long as it runs. meant: statuses that were asked for.
# points: as CHAOS_POINTS has them. is_static: has its name as worker.id.
Life = collections.namedtuple("Life", "name is_static begin end status meant points log")
# begin: before the broker was killed; dead: after; back: when it answered again, None before that.
Outage = collections.namedtuple("Outage", "begin dead back")
# at a point: left is None for a thread or process that never went on
Hold = collections.namedtuple("Hold", "point reached left")


def holds(log):
    """What armed points have told, in order."""
    found = []
    for line in log.splitlines():
        words = line.split()
        if len(words) != 4 or words[0] != "chaos:":
            continue
        if words[2] == "reached":
            found.append(Hold(words[1], float(words[3]), None))
        for place, hold in enumerate(found):
            if words[2] == "left" and hold.point == words[1] and hold.left is None:
                found[place] = hold._replace(left=float(words[3]))
                break
    return found


def unreached(life):
    """Points that were armed in vain."""
    left = [hold.point for hold in holds(life.log)]
    faults = []
    for plan in filter(None, life.points.split(",")):
        point = plan.split(":")[0]
        if point in left:
            left.remove(point)
        else:
            faults.append("%s never reached %s" % (life.name, plan))
    return faults


def told_within(log, point, words):
    """Whether it was said between the reaching of a point and its leaving."""
    after = log.partition("chaos: %s reached " % point)[2]
    return words in after.partition("chaos: %s left " % point)[0]


def died_within(log, point, outage):
    """Whether the broker died while somebody was at the point."""
    return any(hold.point == point and hold.reached <= outage.begin and
               (hold.left is None or outage.dead <= hold.left) for hold in holds(log))


def overlap(begin, end, other_begin, other_end):
    """Whether two spans of time meet; None: no end yet."""
    return (end is None or other_begin <= end) and (other_end is None or begin <= other_end)


def was_at_point(life, action):
    """Whether it reached a point at which it was to do that."""
    armed = {plan.split(":")[0] for plan in life.points.split(",") if plan.endswith(":" + action)}
    return any(hold.point in armed for hold in holds(life.log))


def died_at_point(life):
    return life.status == -signal.SIGKILL and was_at_point(life, "kill")


def was_doubled(life, lives):
    """Another worker had its id while it lived, and it says so."""
    return life.status == REFUSED and life.is_static and IN_USE in life.log and any(
        other is not life and other.name == life.name and other.is_static and
        overlap(life.begin, life.end, other.begin, other.end) for other in lives)


def was_forgotten(life, lives, outages):
    """The broker died under it and knows no more than that its predecessor had its id."""
    return life.status == REFUSED and life.is_static and IN_USE in life.log and any(
        other.name == life.name and other.end is not None and other.end <= life.begin
        for other in lives) and any(life.begin <= outage.begin <= life.end for outage in outages)


def saw_outage(life, outages):
    return any(overlap(life.begin, life.end, outage.begin, outage.back) for outage in outages)


def is_excused_twin(life, lives, outages):
    """Who came later keeps the id; a broker that died may have forgotten that it came."""
    return not was_doubled(life, lives) or saw_outage(life, outages)


def found_no_broker(life, outages):
    return life.status == REFUSED and JOINED not in life.log and saw_outage(life, outages)


def of_its_own(lives):
    """Ends that nobody asked for, good or not."""
    return [life for life in lives if life.end is not None and life.status not in life.meant and
            not died_at_point(life)]


def told(life):
    return "%s ended with %d: %s" % (life.name, life.status, " ".join(
        life.log.strip().splitlines()[-1:]))


def check(lives, outages):
    """The faults: workers that ended and had no reason, or not the one they should have had."""
    return [told(life) for life in of_its_own(lives)
            if not was_doubled(life, lives) and not was_forgotten(life, lives, outages) and
            not found_no_broker(life, outages)]
