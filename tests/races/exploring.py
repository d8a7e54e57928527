"""Every interleaving of two hands, each class of those that can't be told apart once.

A schedule says which hand takes the next step. The tree of schedules is walked depth first by running them from the
beginning each time. Which branches are taken is found by dynamic partial-order reduction (C. Flanagan and
P. Godefroid, "Dynamic partial-order reduction for model checking software", POPL 2005): after a run, for each step the
last earlier step of the other hand on which it depends and that need not have come first is a race, and the other
order of those two is run too. Sleep sets (P. Godefroid, "Partial-order methods for the verification of concurrent
systems", LNCS 1032, 1996) give up a run that could only repeat one seen: a hand that was let go first from a place is
not let go again until the other has taken a step on which its own depends.

A statement that waits has begun, with its own snapshot, and goes on when the other's transaction ends. Wherever in one
transaction of the other it begins to wait, the same follows, so a hand that was seen to wait sleeps until that end.
Two hands that wait for each other are a deadlock, and Postgres ends it by an error.

With a bound, schedules with more preemptions than that are left out (M. Musuvathi and S. Qadeer, "Iterative context
bounding for systematic testing of multithreaded programs", PLDI 2007): a preemption is a switch from a hand that
could go on. What is left out is counted; a walk that left nothing out has covered every interleaving.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Protocol

import asyncpg

from tests.races.hands import Hand, Watch
from tests.races.steps import Statements, Step

BOTH = (0, 1)
Do = Callable[[], Awaitable[str]]


class Deadlock(RuntimeError):
    """The two hands wait for each other."""


class Race(Protocol):
    """Two hands at one thing, and what must be true when both have ended."""

    hands: tuple[Do, Do]

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong, in words."""


@dataclass(slots=True)
class Event:
    """A step that was taken."""

    hand: int
    step: Step
    waits_for: int | None = None
    """Which transaction of the other hand it had to wait for."""
    freed_by: int | None = None
    """The event that ended that transaction."""
    of_tx: int = 0
    """Which transaction of its hand it is in."""


@dataclass(slots=True)
class Place:
    """A place in the tree: who can go on from there, who was let, who is still to be, who would only repeat."""

    can: dict[int, Step]
    asleep: set[int]
    preemptions: int
    chosen: int = 0
    wanted: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    waited: set[int] = field(default_factory=set)
    """Those who were seen to wait when they were let go from here."""


@dataclass(slots=True)
class Walk:
    """What was seen of a pair."""

    explored: int = 0
    """Schedules run to the end."""
    repeated: int = 0
    """Runs given up as they could only repeat one."""
    left_out: int = 0
    """Branches beyond the bound."""
    longest: tuple[int, int] = (0, 0)
    faults: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every interleaving is covered."""
        return self.left_out == 0 and not self.faults

    @property
    def of(self) -> int:
        """How many orders of as many steps there are."""
        return comb(sum(self.longest), self.longest[0])


async def walk(
    prepare: Callable[[], Awaitable[Race]],
    observer: asyncpg.Pool,
    *,
    preemptions: int | None = None,
    at_most: int | None = None,
    reduced: bool = True,
) -> Walk:
    """Run every schedule of the race that `prepare` sets up anew each time; stop at the first that goes wrong.

    Not `reduced`, it runs those too that can only repeat others.
    """
    seen, path = Walk(), list[Place]()
    statements, watch = Statements(observer), Watch(observer)
    while True:
        run = _Run(path, statements, watch, sleeps=reduced)
        ended = await run.go(await prepare())
        if reduced:
            _find_races(path, run.events)
        else:
            for place in path:
                place.wanted, place.asleep = set(place.can), set()
        if ended:
            seen.explored += 1
            steps = tuple(sum(event.hand == hand for event in run.events) for hand in BOTH)
            seen.longest = max(seen.longest, (steps[0], steps[1]), key=sum)
            seen.faults = run.faults
        else:
            seen.repeated += 1
        if seen.faults:
            return seen
        left_out = _branch(path, preemptions)
        seen.left_out += left_out
        if not path:
            return seen
        if at_most is not None and seen.explored >= at_most:
            seen.left_out += 1
            return seen


def _branch(path: list[Place], bound: int | None) -> int:
    """Turn to the deepest branch that is still to be run; how many were passed that are beyond the bound."""
    left_out = 0
    while path:
        place = path[-1]
        place.done.add(place.chosen)
        for hand in sorted(place.wanted - place.done - place.asleep):
            before = path[-2].chosen if len(path) > 1 else None
            preempts = before is not None and before != hand and before in place.can
            if bound is not None and place.preemptions + preempts > bound:
                place.done.add(hand)
                left_out += 1
                continue
            place.chosen = hand
            return left_out
        path.pop()
    return left_out


class _Run:
    """One schedule, run."""

    def __init__(self, path: list[Place], statements: Statements, watch: Watch, *, sleeps: bool) -> None:
        self.path, self.watch, self.sleeps = path, watch, sleeps
        self.hands = (Hand(0, statements), Hand(1, statements))
        self.events: list[Event] = []
        self.faults: list[str] = []
        self._waiting: dict[int, int] = {}
        """Hand -> the event that waits."""
        self._tx = [0, 0]

    async def go(self, race: Race) -> bool:
        """Follow the path and go on from its end; whether the end was reached."""
        try:
            for hand, do in zip(self.hands, race.hands, strict=True):
                hand.start(do)
                await hand.moved.wait()
            place = self._place(0)
            while place is not None:
                await self._take(place)
                place = self._place(len(self.events))
            if not all(hand.ended for hand in self.hands):
                return False
            answers = [hand.answer for hand in self.hands]
        except Deadlock:
            self.faults = ["the two wait for each other", *self._story()]
            return True
        finally:
            for hand in self.hands:
                await hand.leave()
        wrong = await race.faults(answers)
        if wrong:
            self.faults = [*wrong, f"answers: {answers}", *self._story()]
        return True

    def _story(self) -> list[str]:
        return [f"{event.hand}: {event.step.what[:150]}" for event in self.events]

    def _place(self, at: int) -> Place | None:
        """Where the run stands, with a hand chosen; none when nobody can go on who would not repeat."""
        can = {number: hand.next for number, hand in enumerate(self.hands) if hand.next is not None}
        if at < len(self.path):
            place = self.path[at]
            assert {n: step.what for n, step in can.items()} == {n: step.what for n, step in place.can.items()}
            return place
        asleep, preemptions, before = self._asleep(), 0, None
        if self.path:
            before, last = self.path[-1].chosen, self.path[-1]
            preemptions = last.preemptions
            if len(self.path) > 1:
                earlier = self.path[-2].chosen
                preemptions += earlier != before and earlier in last.can
        awake = [number for number in can if number not in asleep]
        if not awake:
            return None
        place = Place(can, asleep & can.keys(), preemptions)
        place.chosen = before if before in awake else awake[0]
        self.path.append(place)
        return place

    def _asleep(self) -> set[int]:
        if not self.path or not self.sleeps:
            return set()
        last, event = self.path[-1], self.events[-1]
        return {
            hand
            for hand in (last.asleep | last.done) - {last.chosen}
            if not _wakes(last.can[hand], event, waited=hand in last.waited)
        }

    async def _take(self, place: Place) -> None:
        number = place.chosen
        hand, other = self.hands[number], self.hands[1 - number]
        event = Event(number, place.can[number], of_tx=self._tx[number])
        at = len(self.events)
        self.events.append(event)
        hand.go()
        if not await self.watch.settled(hand, other):
            if other.number in self._waiting:
                raise Deadlock
            event.waits_for = self._tx[other.number]
            place.waited.add(number)
            self._waiting[number] = at
        if event.step.ends:
            self._tx[number] += 1
        # What a failed statement held is free before its transaction is rolled back.
        may_free = event.step.ends or (hand.next is not None and hand.next.ends)
        if may_free and other.number in self._waiting and await self.watch.settled(other, hand):
            self.events[self._waiting.pop(other.number)].freed_by = at


def _wakes(step: Step, event: Event, *, waited: bool) -> bool:
    """Whether a step that sleeps may do something else after this event of the other hand."""
    if waited:
        return event.step.ends
    if event.waits_for is not None:  # and would have waited after that step as well, unless it ends what is waited for
        return step.ends and step.depends_on(event.step)
    return step.depends_on(event.step) or step.may_wait_for(event.step)


def _find_races(path: list[Place], events: list[Event]) -> None:
    """Want the other order of whatever raced."""
    clocks: dict[int, list[int]] = {}
    known = [[-1, -1], [-1, -1]]
    """What each hand's last event came after: the place of the last such event of either hand."""
    for at in _as_completed(events):
        event = events[at]
        me, other = event.hand, 1 - event.hand
        clock = list(known[me])
        race: int | None = None
        for earlier in range(at - 1, known[me][other], -1):
            before = events[earlier]
            if before.hand == me or not _depend(before, event, at):
                continue
            race = earlier if race is None else race
            clock = [max(pair) for pair in zip(clock, clocks[earlier], strict=True)]
        if race is not None:
            _want(path[race], me)
        if event.freed_by is not None:
            clock = [max(pair) for pair in zip(clock, clocks[event.freed_by], strict=True)]
            if event.step.depends_on(events[event.freed_by].step):
                _want(path[at], other)
        clock[me] = at
        clocks[at] = clock
        known[me] = clock


def _depend(before: Event, event: Event, at: int) -> bool:
    if before.waits_for is not None and (before.freed_by is None or before.freed_by >= at):
        return False  # it has not come to its end
    if event.waits_for == before.of_tx and event.step.may_wait_for(before.step):
        return True
    return event.step.depends_on(before.step)


def _as_completed(events: list[Event]) -> list[int]:
    """The places of events in the order of their ends: what waited ends right after what it waited for."""

    def end(at: int) -> tuple[int, bool]:
        freed = events[at].freed_by
        return (at, False) if freed is None else (freed, True)

    return sorted(range(len(events)), key=end)


def _want(place: Place, hand: int) -> None:
    place.wanted |= {hand} if hand in place.can else place.can.keys()
