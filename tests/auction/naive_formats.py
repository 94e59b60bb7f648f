"""Naive twins of the other formats: every bid kept, everything recomputed from the list; amounts in fen, times in seconds."""

from dataclasses import dataclass, field

from tests.auction.naive import NaiveAuction


@dataclass
class NaiveSealed:
    """Envelopes in a box: a later one replaces the same bidder's earlier one."""

    start: int
    reserve: int | None
    end: int
    second_price: bool
    box: list[tuple[str, int]] = field(default_factory=list)

    def bid(self, bidder: str, amount: int, now: int) -> bool:
        if now >= self.end or amount < self.start:
            return False
        self.box.append((bidder, amount))
        return True

    def result(self) -> tuple[str | None, int]:
        """Winner or highest bidder, and the price; nothing without a bid."""
        last = {bidder: (amount, -order) for order, (bidder, amount) in enumerate(self.box)}
        ranked = sorted(last, key=lambda bidder: last[bidder], reverse=True)
        if not ranked:
            return None, 0
        best = last[ranked[0]][0]
        price = best
        if self.second_price:
            price = last[ranked[1]][0] if len(ranked) > 1 else self.start
            if self.reserve is not None and best >= self.reserve > price:
                price = self.reserve
        return ranked[0], price


@dataclass
class NaiveDutch:
    """A clock that is turned down step by step until somebody cries."""

    start: int
    floor: int
    step: int
    interval: int
    end: int
    taken: tuple[str, int] | None = None

    def asked(self, now: int) -> int:
        price, clock = self.start, self.interval
        while clock <= now and price > self.floor:
            price, clock = price - self.step, clock + self.interval
        return max(price, self.floor)

    def bid(self, bidder: str, most: int, now: int) -> bool:
        if self.taken or now >= self.end or most < self.asked(now):
            return False
        self.taken = (bidder, self.asked(now))
        return True


@dataclass
class NaiveBuyNow(NaiveAuction):
    """The ascending auction with a price tag that somebody may tear off."""

    tag: int = 0
    until_reserve: bool = False
    bought: str | None = None

    def tag_hangs(self) -> bool:
        if self.until_reserve and self.reserve is not None:
            return self.price < self.reserve
        return not self.maxima

    def buy(self, bidder: str, most: int, now: int) -> bool:
        if self.bought or now >= self.end or not self.tag_hangs() or most < self.tag:
            return False
        self.bought, self.price, self.end = bidder, self.tag, now
        return True


@dataclass
class NaiveLane(NaiveAuction):
    """The ascending auction with a hammer: it falls only on a warning nobody answered."""

    warning: int = 3
    warned: int | None = None
    fallen: bool = False

    def bid(self, bidder: str, maximum: int, now: int) -> bool:
        taken = super().bid(bidder, maximum, now)
        self.warned = None if taken else self.warned
        return taken

    def call(self, bidder: str, amount: int, now: int) -> bool:
        """From the floor: whoever leads by it has said the price aloud."""
        before = self.leader()
        if not self.bid(bidder, amount, now):
            return False
        if self.leader() == bidder and (before != bidder or self.price < amount):
            self.price = max(self.price, amount)
        return True

    def warn(self, now: int) -> bool:
        if now >= self.end or not self.maxima:
            return False
        self.warned = now
        return True

    def strike(self, now: int) -> bool:
        short = self.reserve is not None and self.price < self.reserve
        if now >= self.end or not self.maxima or short or self.warned is None or now < self.warned + self.warning:
            return False
        self.end, self.fallen = now, True
        return True
