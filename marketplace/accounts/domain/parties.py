"""Parties and what is said about them."""

from enum import StrEnum

from marketplace.core.errors import Malformed, Refusal, Rule


class PartyKind(StrEnum):
    """People and organizations share one id space: either may own, sell, buy and be paid."""

    PERSON = "person"
    ORGANIZATION = "organization"


class PartyState(StrEnum):
    """``suspended`` stops new acts, ``closed`` is for ever (the person's data is erased or kept apart)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class OrganizationKind(StrEnum):
    """Actors of 二手车流通管理办法 and of the market around it."""

    DEALER = "dealer"  # 经销企业
    AUCTION_HOUSE = "auction_house"  # 拍卖企业
    BROKER = "broker"  # 经纪机构
    APPRAISER = "appraiser"  # 鉴定评估机构
    VALUATION_PARTNER = "valuation_partner"  # 第三方估值
    INSURER = "insurer"  # 保险机构
    LENDER = "lender"  # 贷款机构
    IMPORT_PILOT = "import_pilot"  # 平行进口试点
    FLEET = "fleet"  # 租赁、运营、公务等企业车队
    MARKET_OPERATOR = "market_operator"  # 市场经营者


class LicenceKind(StrEnum):
    """Papers without which an act is refused. Held by an organization or, where it names a person, by him."""

    BUSINESS_LICENCE = "business_licence"  # 营业执照
    DEALER_FILING = "dealer_filing"  # 二手车经销备案
    AUCTION_LICENCE = "auction_licence"  # 拍卖经营批准证书
    BROKER_FILING = "broker_filing"  # 二手车经纪备案
    APPRAISAL_FILING = "appraisal_filing"  # 鉴定评估机构备案
    INSURANCE_LICENCE = "insurance_licence"  # 保险业务许可证
    FINANCE_LICENCE = "finance_licence"  # 金融许可证
    IMPORT_PILOT_APPROVAL = "import_pilot_approval"  # 平行进口试点批复
    AUCTIONEER_CERTIFICATE = "auctioneer_certificate"  # 拍卖师执业证 (a person's)
    APPRAISER_CERTIFICATE = "appraiser_certificate"  # 二手车鉴定评估师证 (a person's)


PERSONAL_LICENCES = frozenset({LicenceKind.AUCTIONEER_CERTIFICATE, LicenceKind.APPRAISER_CERTIFICATE})


class LicenceState(StrEnum):
    """``claimed`` by its holder, then ``checked`` or ``rejected`` by an operator; ``revoked`` ends a checked one early."""

    CLAIMED = "claimed"
    CHECKED = "checked"
    REJECTED = "rejected"
    REVOKED = "revoked"


class LicenceMissing(Refusal):
    """No checked licence of this kind."""

    status = 403
    zh = "缺少经核验的资质证照:{kind}"
    en = "No checked licence of kind {kind} is on file."
    rule = Rule("电子商务法 第二十七条", "E-Commerce Law, art. 27")


class LicenceLapsed(Refusal):
    """There was one, but it is not valid on that day."""

    status = 403
    zh = "资质证照已失效:{kind}(有效期至 {valid_to})"
    en = "The licence of kind {kind} is not valid on that day (it ran to {valid_to})."
    rule = Rule("电子商务法 第二十七条", "E-Commerce Law, art. 27")


class PartySuspended(Refusal):
    status = 403
    zh = "该账户已被暂停"
    en = "The account is suspended."


class PayoutAccountMissing(Refusal):
    zh = "尚未登记收款账户"
    en = "The party has no payout account."


class PrivacyHold(Refusal):
    """Erasing must wait: something unfinished still needs the person."""

    zh = "尚有未完结事项,暂不能注销:{reasons}"
    en = "The account cannot be closed while something is unfinished: {reasons}"


class OrganizationUnverified(Refusal):
    """The operator has not verified it yet: it may prepare, not trade."""

    status = 403
    zh = "机构尚未通过核验"
    en = "The organization has not been verified by the market yet."
    rule = Rule("电子商务法 第二十七条", "E-Commerce Law, art. 27")


class VerificationState(StrEnum):
    """An organization's own papers, as looked at by an operator."""

    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


class RevealField(StrEnum):
    """Personal data an operator may ask to see."""

    PHONE = "phone"
    EMAIL = "email"
    NAME = "name"
    RESIDENT_ID = "resident_id"
    CONTACT_PHONE = "contact_phone"
    PAYOUT_ACCOUNT = "payout_account"


class AlreadyDecided(Refusal):
    """Somebody else decided it first."""

    zh = "该事项已有结论:{state}"
    en = "This was decided already: {state}."


class PhoneTaken(Refusal):
    zh = "该手机号已注册"
    en = "This number has an account already; sign in, or recover it."


class EmailTaken(Refusal):
    zh = "该邮箱已注册"
    en = "This address has an account already."


class OrganizationExists(Refusal):
    zh = "该统一社会信用代码已登记"
    en = "An organization with this credit code is registered already; ask its owner for an invitation."


class KindNotOpen(Refusal):
    """The market operator is made at installation, by nobody else."""

    status = 403
    zh = "该类机构不能自行登记"
    en = "Organizations of this kind cannot register themselves."


class PeopleOnly(Refusal):
    status = 403
    zh = "仅限本人操作,机器凭证不可用"
    en = "Only a person signed in may do this, no API key."


class RealNameMissing(Refusal):
    status = 403
    zh = "请先完成实名登记"
    en = "State your real name and resident identity number first."
    rule = Rule("电子商务法 第二十七条", "E-Commerce Law, art. 27")


class RealNameStated(Refusal):
    zh = "实名信息已登记,更正请联系市场"
    en = "A real name is on file; ask the market to correct it."


class NotOfAge(Refusal):
    status = 403
    zh = "未满十八周岁"
    en = "Contracts here need full legal age (eighteen)."
    rule = Rule("民法典 第十七条、第十八条", "Civil Code, arts. 17 and 18")


class LicenceOfAnotherKind(Malformed):
    zh = "该类主体不能持有此证照:{kind}"
    en = "A party of this kind cannot hold a licence of kind {kind}."


class LicenceNumberTaken(Refusal):
    zh = "该证照号码已核验在其他主体名下"
    en = "A licence with this number is on file as another party's."


class PayoutNameMismatch(Malformed):
    zh = "收款账户户名须与实名或机构名称一致"
    en = "The account's holder must be the party itself."


class CardInvalid(Malformed):
    zh = "银行账号格式不正确"
    en = "Not a bank account number (8 to 30 digits)."
