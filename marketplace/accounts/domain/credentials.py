"""Signing in: how long a stranger waits after failures, when a refresh token is spent, what a password must be. Pure.

The delay protects an account without arming its rivals: failures are counted apart for the account (strangers only), for the address
(strangers only) and for each known device. A device that signed in before presents its token and answers for its own failures alone,
so nobody who merely knows a bidder's phone number, or sits behind the same address, can keep him out at the bell. No delay ever ends
a sign-in or stops its refreshing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.errors import Forbidden, Malformed, TooManyRequests, Unauthenticated


class SubjectKind(StrEnum):
    """Whose failures are counted."""

    ACCOUNT = "account"
    ADDRESS = "address"
    DEVICE = "device"
    SECOND_FACTOR = "second_factor"


class SignInRefused(Unauthenticated):
    """The same for a wrong name and a wrong password: who has an account must not leak."""

    zh = "手机号或密码不正确"
    en = "The phone number (or e-mail) and the password do not belong together."


class SignInDelayed(TooManyRequests):
    zh = "登录失败次数过多,请在 {wait_s} 秒后重试"
    en = "Too many failed sign-ins from an unknown device; try again in {wait_s} s."


class RefreshRefused(Unauthenticated):
    zh = "登录已失效,请重新登录"
    en = "The refresh token is not valid; sign in again."


class RefreshReused(Unauthenticated):
    """A spent token came back: somebody else has a copy, so the sign-in ends for both."""

    zh = "登录凭证被重复使用,该登录已终止,请重新登录"
    en = "A spent refresh token was used again; this sign-in has been ended."


class SecondFactorWrong(Forbidden):
    zh = "验证码不正确或已使用"
    en = "The code is wrong, too old, or was used before."


class SecondFactorMissing(Forbidden):
    zh = "尚未启用二次验证"
    en = "No second factor is enrolled."


class WrongPassphrase(Forbidden):
    zh = "密码不正确"
    en = "The password re-entered is wrong."


class PasswordTooWeak(Malformed):
    zh = "密码至少十个字符,且不得过于简单"
    en = "A password has at least ten characters, is not on the list of common ones and not made of your own number."


@dataclass(frozen=True, slots=True)
class Failures:
    """A row of failures: how many since the last success (or since they were forgotten), and when the last one was."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DelayRule:
    """``free`` failures cost nothing; then ``base_s``, doubled by each further one, up to ``max_s``. Forgotten after ``forget_s``."""

    free: int
    base_s: int
    max_s: int
    forget_s: int


def compute_wait_s(failures: Failures | None, rule: DelayRule, now: datetime) -> int:
    """Whole seconds until the next try is looked at; 0 when it may come now."""
    if failures is None or failures.count < rule.free or is_forgotten(failures, rule, now):
        return 0
    doublings = min(failures.count - rule.free, 40)
    delay = timedelta(seconds=min(rule.base_s * 2**doublings, rule.max_s))
    left = failures.last_at + delay - now
    return max(0, -(-left // timedelta(seconds=1)))


def count_failure(failures: Failures | None, rule: DelayRule, now: datetime) -> Failures:
    """One more failure; a forgotten row starts again at one."""
    before = 0 if failures is None or is_forgotten(failures, rule, now) else failures.count
    return Failures(before + 1, now)


def is_forgotten(failures: Failures, rule: DelayRule, now: datetime) -> bool:
    return now >= failures.last_at + timedelta(seconds=rule.forget_s)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries to sign in: the account named, the address, and the known device when its token belongs to that account."""

    account: str
    address: str
    device: str | None


def subjects_of(attempt: Attempt) -> tuple[tuple[SubjectKind, str], ...]:
    """Which counters judge an attempt, and count its failure: a known device's own only, else the account's and the address's."""
    if attempt.device is not None:
        return ((SubjectKind.DEVICE, attempt.device),)
    return ((SubjectKind.ACCOUNT, attempt.account), (SubjectKind.ADDRESS, attempt.address))


def forgiven_by_success(attempt: Attempt) -> tuple[tuple[SubjectKind, str], ...]:
    """What a right password clears. Never the address (an attacker would sign in to his own account in between), and a known
    device clears only itself: the owner's daily sign-ins must not give strangers fresh tries."""
    return tuple(subject for subject in subjects_of(attempt) if subject[0] is not SubjectKind.ADDRESS)


class RefreshVerdict(StrEnum):
    """``rotate``: first use. ``repeat``: the answer was lost, give the same successor again. ``reuse``: end the family."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    REUSE = "reuse"


def decide_refresh(used_at: datetime | None, successor_used: bool, now: datetime, grace_s: int) -> RefreshVerdict:
    """What a presented refresh token of a living sign-in means.

    Repeating is safe because the successor is the same token, not a second one: whoever uses it first spends it for both, and
    the other's next use is a reuse. It is granted only while nobody has used the successor.
    """
    if used_at is None:
        return RefreshVerdict.ROTATE
    if not successor_used and now < used_at + timedelta(seconds=grace_s):
        return RefreshVerdict.REPEAT
    return RefreshVerdict.REUSE


PASSWORD_MIN = 10
PASSWORD_MAX = 128
_COMMON = frozenset(
    """1234567890 0123456789 12345678910 1111111111 0000000000 password123 password1234 passw0rd123 qwertyuiop qwerty12345 1q2w3e4r5t
    1qaz2wsx3edc abcd123456 abc1234567 a123456789 aa123456789 iloveyou123 woaini1314 woaini520520 5201314520 admin123456 administrator
    letmein1234 welcome1234 zhang123456 wang123456 1234567890a qwer123456 asdfghjkl123 aaaaaaaaaa 123456789a 987654321a""".split()
)


def check_password(password: str, *, own: str = "") -> None:
    """Raises ``PasswordTooWeak``. Length rules over kinds of characters (NIST SP 800-63B); ``own`` is the account's number or address."""
    lowered = password.lower()
    too_simple = lowered in _COMMON or len(set(password)) < 4
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX or too_simple or (own and own.lower() in lowered):
        raise PasswordTooWeak
