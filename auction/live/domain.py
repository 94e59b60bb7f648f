"""Refusals of the live channel."""

from marketplace.core.errors import Malformed, Refusal, TooManyRequests


class MessageMalformed(Malformed):
    zh = "消息格式有误"
    en = "The message is not one this socket takes."


class AlreadySubscribed(Refusal):
    zh = "已订阅该标的"
    en = "This socket follows the lot already."


class TooManyLots(TooManyRequests):
    zh = "一个连接最多订阅 {most} 个标的"
    en = "One socket follows at most {most} lots."


class TooManySockets(TooManyRequests):
    zh = "同一账户最多打开 {most} 个连接"
    en = "One caller has at most {most} sockets open."


class AnotherCaller(Refusal):
    """A socket belongs to one caller from its first message to its end."""

    status = 403
    zh = "不得在同一连接上更换账户"
    en = "A socket keeps its caller: open another one."
