"""Rules of the pricing API: the daily quota."""

from marketplace.core.errors import TooManyRequests


class QuotaUsedUp(TooManyRequests):
    zh = "今日估价次数已用完({quota} 次)"
    en = "Today's {quota} estimates are used up."


def decide_quota(used: int, more: int, quota: int, *, retry_after_s: int) -> int:
    """Calls used after ``more`` of them; raises ``QuotaUsedUp``, to come again after midnight in Shanghai."""
    if used + more > quota:
        raise QuotaUsedUp(quota=quota, retry_after_s=retry_after_s)
    return used + more
