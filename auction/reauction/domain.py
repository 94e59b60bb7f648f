"""The plan for coming again, and what a defaulter owes. Pure; fen."""

from dataclasses import dataclass

from marketplace.core.errors import NotFound, Refusal, Rule
from marketplace.core.money import share_bps

TIMES_MAX = 5
CUT_BPS_MAX = 2_000
"""A fifth at most from one time to the next (网络司法拍卖规定 第二十六条, the model users know)."""


class PlanUnknown(NotFound):
    zh = "委托人未授权重新拍卖"
    en = "The consignor has not authorized another auction."


class PlanSpent(Refusal):
    zh = "授权的重新拍卖次数已用完"
    en = "The authorized number of auctions is used up."


class LotNotOver(Refusal):
    """Only a lot that passed, or whose sale was broken, comes again; and only once."""

    zh = "该标的当前不可重新上拍"
    en = "This lot cannot come again now."


class OtherTerms(Refusal):
    """The plan was signed for this kind of sale."""

    zh = "目标场次的模式、法律性质或拍卖人与授权不同,请重新签订委托合同"
    en = "The other session has another mode, law or house than the plan was signed for; draw up a mandate of its own."


class DefaulterBarred(Refusal):
    status = 403
    zh = "悔拍人不得参加该标的的再行拍卖"
    en = "Who broke the first sale may not bid when the car comes again."
    rule = Rule(
        "拍卖法 第三十九条;网络司法拍卖规定 第二十四条(参照)", "Auction Law, art. 39; judicial online auction rules, art. 24, as benchmark"
    )


class DebtUnknown(NotFound):
    zh = "未找到该欠款"
    en = "No such debt."


@dataclass(frozen=True, slots=True)
class Plan:
    """``times`` still left; each lowers start and reserve by ``cut_bps``."""

    times: int
    cut_bps: int

    def lower(self, amount_minor: int) -> int:
        """The amount of the next time, whole yuan upwards and never nothing."""
        cut = amount_minor - share_bps(amount_minor, self.cut_bps)
        return max(100, -(-cut // 100) * 100)

    def next(self) -> "Plan":
        """Raises ``PlanSpent``."""
        if self.times < 1:
            raise PlanSpent
        return Plan(self.times - 1, self.cut_bps)


@dataclass(frozen=True, slots=True)
class Debt:
    """拍卖法 39: both commissions of the first sale, and what the second brought less. The forfeited deposit covers commissions first."""

    commissions_minor: int
    shortfall_minor: int
    covered_minor: int

    @property
    def due_minor(self) -> int:
        return self.commissions_minor + self.shortfall_minor - self.covered_minor

    @property
    def commissions_due_minor(self) -> int:
        return max(self.commissions_minor - self.covered_minor, 0)

    @property
    def shortfall_due_minor(self) -> int:
        return self.due_minor - self.commissions_due_minor


def compute_debt(*, first_minor: int, second_minor: int, commissions_minor: int, deposit_minor: int) -> Debt:
    """When the re-auction closed with a sale."""
    shortfall = max(0, first_minor - second_minor)
    return Debt(commissions_minor, shortfall, min(deposit_minor, commissions_minor + shortfall))
