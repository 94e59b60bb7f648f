"""Refusals about proofs, and who may open what stays closed."""

from marketplace.core.errors import Forbidden, NotFound, Refusal


class ReceiptUnknown(NotFound):
    zh = "您在该标的上没有此出价"
    en = "You have no such bid on this lot."


class StateUnknown(NotFound):
    zh = "日志中没有第 {seq} 条"
    en = "The log has no entry {seq}."


class LotStillRuns(Refusal):
    """The bidders' secrets are nobody's but theirs while bidding goes on, an auditor's neither."""

    zh = "竞拍结束前不得公开最高限价与保留价"
    en = "Maxima and reserve are opened after the close, not before."


class NotAnAuditor(Forbidden):
    zh = "仅审计人可公开他人的最高限价与保留价"
    en = "Only an auditor may open what others keep closed."
