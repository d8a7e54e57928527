"""When things are sent and arrive: business days, cut-off times and windows in the shop's own zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Calendar:
    """A shop's business days. A shop that keeps none works every day, in UTC, until midnight."""

    zone: str = "UTC"
    working_days: frozenset[int] = EVERY_DAY
    """Monday is 0; at least one."""
    cutoff: time | None = None
    """What is ordered later is sent on the next business day."""
    holidays: frozenset[date] = field(default_factory=frozenset)

    def works_on(self, day: date) -> bool:
        """Whether something can be sent on a day."""
        return day.weekday() in self.working_days and day not in self.holidays

    def local(self, now: datetime) -> datetime:
        """A moment as the shop's clocks show it."""
        return now.astimezone(ZoneInfo(self.zone))

    def sent_on(self, now: datetime) -> date:
        """The business day on which something ordered now is sent."""
        local = self.local(now)
        late = self.cutoff is not None and local.time() >= self.cutoff
        return self.business_day(local.date() + DAY if late and self.works_on(local.date()) else local.date())

    def business_day(self, day: date) -> date:
        """The day, or the first business day after it."""
        while not self.works_on(day):
            day += DAY
        return day

    def after(self, day: date, business_days: int) -> date:
        """The business day so many after a business day."""
        for _ in range(business_days):
            day = self.business_day(day + DAY)
        return day

    def arrival(self, now: datetime, min_days: int, max_days: int) -> tuple[date, date]:
        """Between which days something ordered now arrives, that takes so many business days."""
        sent = self.sent_on(now)
        earliest = self.after(sent, min_days)
        return earliest, self.after(earliest, max_days - min_days)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of a weekday in which something is brought, or can be collected, and how often."""

    weekday: int
    begins: time
    ends: time
    capacity: int
    cutoff_minutes: int
    """How long before it begins it can be chosen last."""

    def on(self, day: date, calendar: Calendar) -> tuple[datetime, datetime]:
        """When it begins and ends on a day, in UTC."""
        zone = ZoneInfo(calendar.zone)
        begins, ends = (datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in (self.begins, self.ends))
        return begins, ends

    def is_open(self, day: date, calendar: Calendar, now: datetime) -> bool:
        """Whether it can still be chosen for a day, if there is room."""
        if day.weekday() != self.weekday or day in calendar.holidays:
            return False
        return now < self.on(day, calendar)[0] - timedelta(minutes=self.cutoff_minutes)
