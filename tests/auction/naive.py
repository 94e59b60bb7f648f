"""The naive twin: the same auction said differently. Keeps every bid, recomputes everything from the list each time."""

from dataclasses import dataclass, field


@dataclass
class NaiveAuction:
    """Amounts in fen, times in seconds. ``price`` and ``leader`` follow from the bids alone."""

    start: int
    reserve: int | None
    step: int
    end: int
    window: int
    extension: int
    hard_end: int | None
    cap: int | None
    on_lead: bool
    price: int = 0
    extensions: int = 0
    maxima: dict[str, tuple[int, int]] = field(default_factory=dict)  # bidder -> (maximum, -order of reaching it)
    order: int = 0

    def leader(self) -> str | None:
        return max(self.maxima, key=lambda bidder: self.maxima[bidder]) if self.maxima else None

    def bid(self, bidder: str, maximum: int, now: int) -> bool:
        before = self.leader()
        least = self.price + self.step if before else self.start
        if bidder == before:
            least = self.maxima[bidder][0] + 1
        if now >= self.end or maximum < least:
            return False
        self.order += 1
        self.maxima[bidder] = (maximum, -self.order)
        ranked = sorted((value for value, _ in self.maxima.values()), reverse=True)
        if bidder != before:
            by_rule = self.start if len(ranked) == 1 else min(ranked[0], ranked[1] + self.step)
            self.price = max(self.price, by_rule)
        if self.reserve is not None and ranked[0] >= self.reserve:
            self.price = max(self.price, self.reserve)
        self.extend(now, changed=self.leader() != before)
        return True

    def extend(self, now: int, *, changed: bool) -> None:
        if now < self.end - self.window or (self.on_lead and not changed) or (self.cap is not None and self.extensions >= self.cap):
            return
        later = min(now + self.extension, self.hard_end if self.hard_end is not None else now + self.extension)
        if later > self.end:
            self.end, self.extensions = later, self.extensions + 1
