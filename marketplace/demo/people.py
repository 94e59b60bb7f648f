"""Who lives in the demo market. Everybody is invented; phone numbers are of a block that is not in use."""

from dataclasses import dataclass

from marketplace.accounts.domain import compute_credit_check, compute_resident_check

PASSWORD = "henan-road-demo-2026"  # printed on the home page of a demo market
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # the demo's second factor, printed too


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A sign-in; with an organization when the person works for one. ``serial`` makes phone and resident id."""

    serial: int
    name: str
    role_zh: str
    role_en: str
    organization: str | None = None
    kind: str | None = None
    roles: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    second_factor: bool = False
    shown: bool = True

    @property
    def phone(self) -> str:
        return f"1300000{self.serial:04d}"

    @property
    def password(self) -> str:
        return PASSWORD

    @property
    def totp_secret(self) -> str | None:
        return TOTP_SECRET if self.second_factor else None

    @property
    def resident_id(self) -> str:
        """An 18-digit number with a right check digit, of a district code that names no place."""
        body = f"120199{1970 + self.serial % 30}0101{self.serial % 1000:03d}"
        return body + compute_resident_check(body)


def credit_code(serial: int) -> str:
    """A 统一社会信用代码 (GB 32100) with a right check digit, of an invented body."""
    body = f"91120199MA{serial:07d}"
    return body + compute_credit_check(body)


OPERATOR = DemoPerson(
    1,
    "田运营",
    "市场运营",
    "market operator",
    organization="河南路二手车市场管理处",
    kind="market_operator",
    roles=("owner", "operator"),
    second_factor=True,
)

PEOPLE: tuple[DemoPerson, ...] = (
    OPERATOR,
    DemoPerson(2, "金津滨", "经销商", "dealer", "津滨名车行", "dealer", ("owner",), ("business_licence", "dealer_filing")),
    DemoPerson(3, "海小河", "经销商", "dealer", "海河二手车", "dealer", ("owner",), ("business_licence", "dealer_filing"), shown=False),
    DemoPerson(4, "唐大沽", "经销商", "dealer", "大沽优选车", "dealer", ("owner",), ("business_licence", "dealer_filing"), shown=False),
    DemoPerson(
        5,
        "宋拍卖",
        "拍卖行",
        "auction house",
        "滨海机动车拍卖",
        "auction_house",
        ("owner", "auctioneer"),
        ("business_licence", "auction_licence"),
    ),
    DemoPerson(
        6,
        "鉴明",
        "鉴定评估师",
        "appraiser",
        "渤海鉴定评估",
        "appraiser",
        ("owner", "appraiser"),
        ("business_licence", "appraisal_filing"),
        second_factor=True,
    ),
    DemoPerson(7, "评实", "鉴定评估师", "second appraiser", "渤海鉴定评估", "appraiser", ("appraiser",), second_factor=True, shown=False),
    DemoPerson(8, "价准", "估值伙伴", "valuation partner", "准价数据", "valuation_partner", ("owner", "pricing"), ("business_licence",)),
    DemoPerson(
        9,
        "口岸平",
        "平行进口试点",
        "import pilot",
        "东疆平行进口",
        "import_pilot",
        ("owner", "importer"),
        ("business_licence", "import_pilot_approval"),
    ),
    DemoPerson(10, "李车主", "车主", "owner"),
    DemoPerson(11, "王买家", "消费者", "consumer"),
    DemoPerson(12, "赵买家", "消费者", "consumer", shown=False),
    DemoPerson(13, "演示竞买人甲", "演示竞买人", "demo bidder", shown=False),
    DemoPerson(14, "演示竞买人乙", "演示竞买人", "demo bidder", shown=False),
)

SIGN_INS = tuple(person for person in PEOPLE if person.shown)
