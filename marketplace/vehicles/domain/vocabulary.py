"""The words of a car: every enumeration with its Chinese and English name, and the texts people write for it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


class IdentityKind(StrEnum):
    """``chassis``: a number that is no VIN, on old imports."""

    VIN = "vin"
    CHASSIS = "chassis"


class VehicleKind(StrEnum):
    """Registered class (GA 802), as coarse as the scrapping table needs."""

    PASSENGER_MICRO = "passenger_micro"
    PASSENGER_SMALL = "passenger_small"
    PASSENGER_MEDIUM = "passenger_medium"
    PASSENGER_LARGE = "passenger_large"
    TRUCK_MICRO = "truck_micro"
    TRUCK_LIGHT = "truck_light"
    TRUCK_MEDIUM = "truck_medium"
    TRUCK_HEAVY = "truck_heavy"
    MOTORCYCLE = "motorcycle"


class Fuel(StrEnum):
    PETROL = "petrol"
    DIESEL = "diesel"
    BEV = "bev"
    HEV = "hev"
    PHEV = "phev"
    EREV = "erev"
    CNG = "cng"
    LPG = "lpg"
    METHANOL = "methanol"
    FCEV = "fcev"


NEW_ENERGY = frozenset({Fuel.BEV, Fuel.PHEV, Fuel.EREV, Fuel.FCEV})


class Gearbox(StrEnum):
    MT = "mt"
    AT = "at"
    DCT = "dct"
    CVT = "cvt"
    AMT = "amt"
    SINGLE_SPEED = "single_speed"


class Drivetrain(StrEnum):
    FWD = "fwd"
    RWD = "rwd"
    AWD = "awd"
    PART_TIME_4WD = "part_time_4wd"


class EmissionStage(StrEnum):
    """``none`` for electric cars."""

    CN1 = "cn1"
    CN2 = "cn2"
    CN3 = "cn3"
    CN4 = "cn4"
    CN5 = "cn5"
    CN6A = "cn6a"
    CN6B = "cn6b"
    NONE = "none"

    @property
    def rank(self) -> int:
        """Order of strictness; an electric car meets every stage."""
        return {"cn1": 1, "cn2": 2, "cn3": 3, "cn4": 4, "cn5": 5, "cn6a": 6, "cn6b": 7, "none": 9}[self.value]


class BodyStyle(StrEnum):
    SEDAN = "sedan"
    HATCHBACK = "hatchback"
    LIFTBACK = "liftback"
    ESTATE = "estate"
    SUV = "suv"
    MPV = "mpv"
    COUPE = "coupe"
    CONVERTIBLE = "convertible"
    PICKUP = "pickup"
    VAN = "van"
    BUS = "bus"
    TRUCK = "truck"


class Segment(StrEnum):
    A00 = "a00"
    A0 = "a0"
    A = "a"
    B = "b"
    C = "c"
    D = "d"
    SUV_A0 = "suv_a0"
    SUV_A = "suv_a"
    SUV_B = "suv_b"
    SUV_C = "suv_c"
    SUV_D = "suv_d"
    MPV = "mpv"
    SPORTS = "sports"
    PICKUP = "pickup"
    MINIVAN = "minivan"
    LIGHT_BUS = "light_bus"
    OTHER = "other"


class Colour(StrEnum):
    """GA colour letters A–J and Z, with the trade's silver, gold and orange kept apart."""

    WHITE = "white"
    GREY = "grey"
    SILVER = "silver"
    YELLOW = "yellow"
    GOLD = "gold"
    ORANGE = "orange"
    PINK = "pink"
    RED = "red"
    PURPLE = "purple"
    GREEN = "green"
    BLUE = "blue"
    BROWN = "brown"
    BLACK = "black"
    OTHER = "other"


class UseType(StrEnum):
    """GA 使用性质. The ``_to_private`` kinds keep their former commercial term."""

    NON_COMMERCIAL = "non_commercial"
    COACH = "coach"
    CITY_BUS = "city_bus"
    TAXI = "taxi"
    TOURIST = "tourist"
    FREIGHT = "freight"
    RENTAL = "rental"
    POLICE = "police"
    FIRE = "fire"
    AMBULANCE = "ambulance"
    RESCUE = "rescue"
    COMMERCIAL_TO_PRIVATE = "commercial_to_private"
    TAXI_TO_PRIVATE = "taxi_to_private"
    DRIVING_SCHOOL = "driving_school"
    SCHOOL_BUS = "school_bus"
    DANGEROUS_GOODS = "dangerous_goods"
    RIDE_HAILING = "ride_hailing"
    RIDE_HAILING_TO_PRIVATE = "ride_hailing_to_private"


class BatteryChemistry(StrEnum):
    NMC = "nmc"
    LFP = "lfp"
    OTHER = "other"


class Capacity(StrEnum):
    """In what capacity a party holds a car. All but the consignee hold the title or the stock."""

    OWNER = "owner"
    DEALER_STOCK = "dealer_stock"
    CONSIGNEE = "consignee"
    PILOT = "pilot"


class TradeMode(StrEnum):
    B2C_STORE = "b2c_store"
    C2C_CONSIGNMENT = "c2c_consignment"
    C2C_VIRTUAL = "c2c_virtual"
    C2B_AUCTION = "c2b_auction"
    B2B_AUCTION = "b2b_auction"
    B2C_AUCTION = "b2c_auction"
    C2C_AUCTION = "c2c_auction"
    ACQUISITION = "acquisition"
    PARALLEL_IMPORT = "parallel_import"
    TRANSFER = "transfer"


class DocumentKind(StrEnum):
    """Papers of a car; the first seven go to the buyer (办法 第十九条)."""

    REGISTRATION_CERTIFICATE = "registration_certificate"
    DRIVING_LICENCE = "driving_licence"
    INSPECTION_MARK = "inspection_mark"
    PURCHASE_TAX_PROOF = "purchase_tax_proof"
    VEHICLE_TAX_PROOF = "vehicle_tax_proof"
    INSURANCE_POLICY = "insurance_policy"
    PURCHASE_INVOICE = "purchase_invoice"
    POWER_OF_ATTORNEY = "power_of_attorney"
    PURCHASE_CONTRACT = "purchase_contract"
    ASSET_DISPOSAL_PROOF = "asset_disposal_proof"


class RestrictionKind(StrEnum):
    """What may stand on a car: the tradability table's questions 1–8 as records."""

    LIEN = "lien"
    PLEDGE = "pledge"
    SEAL = "seal"
    CUSTOMS_SUPERVISION = "customs_supervision"
    STOLEN = "stolen"
    ENGINE_NUMBER_MISMATCH = "engine_number_mismatch"
    VIN_MISMATCH = "vin_mismatch"
    ILLEGAL_ASSEMBLY = "illegal_assembly"
    DEREGISTERED = "deregistered"
    RECALL = "recall"
    BARRED_BY_LAW = "barred_by_law"


class RestrictionState(StrEnum):
    """``consented``: a lien whose creditor joins the transfer (登记规定 第二十六条), or customs approved the trade."""

    OPEN = "open"
    CONSENTED = "consented"
    RELEASED = "released"


class OdometerSource(StrEnum):
    HOLDER = "holder"
    APPRAISAL = "appraisal"
    INSPECTION = "inspection"
    WORKSHOP = "workshop"
    IMPORT = "import"
    HANDOVER = "handover"


@dataclass(frozen=True, slots=True)
class Term:
    """One value's names. ``aliases`` are other texts people and files write for it."""

    zh: str
    en: str
    aliases: tuple[str, ...] = ()


def _terms(**terms: tuple[str, ...]) -> Mapping[str, Term]:
    return MappingProxyType({value: Term(found[0], found[1], found[2:]) for value, found in terms.items()})


VOCABULARY: Mapping[type[StrEnum], Mapping[str, Term]] = MappingProxyType(
    {
        IdentityKind: _terms(vin=("车辆识别代号", "VIN"), chassis=("底盘号", "chassis number")),
        VehicleKind: _terms(
            passenger_micro=("微型载客汽车", "micro passenger car"),
            passenger_small=("小型载客汽车", "small passenger car", "小型轿车", "小型普通客车", "小型越野客车"),
            passenger_medium=("中型载客汽车", "medium passenger vehicle"),
            passenger_large=("大型载客汽车", "large passenger vehicle"),
            truck_micro=("微型载货汽车", "micro truck"),
            truck_light=("轻型载货汽车", "light truck"),
            truck_medium=("中型载货汽车", "medium truck"),
            truck_heavy=("重型载货汽车", "heavy truck"),
            motorcycle=("摩托车", "motorcycle"),
        ),
        Fuel: _terms(
            petrol=("汽油", "petrol", "gasoline", "汽油车", "汽油+48v轻混系统"),
            diesel=("柴油", "diesel", "柴油车"),
            bev=("纯电动", "battery electric", "纯电", "电动", "ev"),
            hev=("油电混合", "hybrid", "混动", "油电混动"),
            phev=("插电式混合动力", "plug-in hybrid", "插电混动", "插混"),
            erev=("增程式", "range-extended electric", "增程", "增程式电动"),
            cng=("天然气", "natural gas", "油气混合"),
            lpg=("液化石油气", "liquefied petroleum gas"),
            methanol=("甲醇", "methanol"),
            fcev=("氢燃料", "fuel cell", "氢燃料电池"),
        ),
        Gearbox: _terms(
            mt=("手动", "manual", "手动挡", "手动变速箱(mt)", "手动变速箱"),
            at=("自动", "automatic", "手自一体", "自动挡", "手自一体变速箱(at)", "自动变速箱(at)", "自动变速箱"),
            dct=("双离合", "dual clutch", "干式双离合变速箱(dct)", "湿式双离合变速箱(dct)", "双离合变速箱(dct)"),
            cvt=("无级变速", "continuously variable", "cvt无级变速", "无级", "无级变速箱(cvt)", "cvt无级变速箱", "e-cvt无级变速"),
            amt=("机械自动", "automated manual", "机械式自动变速箱(amt)"),
            single_speed=("单速", "single speed", "电动车单速变速箱", "固定齿比变速箱", "单速变速箱"),
        ),
        Drivetrain: _terms(
            fwd=("前驱", "front-wheel drive", "前置前驱"),
            rwd=("后驱", "rear-wheel drive", "前置后驱", "后置后驱"),
            awd=("四驱", "all-wheel drive", "全时四驱", "适时四驱", "电动四驱", "前置四驱", "双电机四驱"),
            part_time_4wd=("分时四驱", "part-time four-wheel drive"),
        ),
        EmissionStage: _terms(
            cn1=("国一", "China 1", "国i", "国1"),
            cn2=("国二", "China 2", "国ii", "国2"),
            cn3=("国三", "China 3", "国iii", "国3"),
            cn4=("国四", "China 4", "国iv", "国4", "国iv(国v)"),
            cn5=("国五", "China 5", "国v", "国5"),
            cn6a=("国六a", "China 6a", "国六", "国vi", "国6", "国via", "国6a"),
            cn6b=("国六b", "China 6b", "国vib", "国6b"),
            none=("无(电动)", "none (electric)", "电动", "零排放", "无"),
        ),
        BodyStyle: _terms(
            sedan=("三厢", "sedan", "轿车", "三厢车"),
            hatchback=("两厢", "hatchback", "两厢车"),
            liftback=("掀背", "liftback", "掀背车"),
            estate=("旅行", "estate", "旅行车", "旅行版"),
            suv=("SUV", "SUV", "越野车"),
            mpv=("MPV", "MPV", "多功能车", "商务车"),
            coupe=("硬顶跑车", "coupe", "跑车", "双门轿跑"),
            convertible=("敞篷", "convertible", "软顶敞篷", "硬顶敞篷", "敞篷车"),
            pickup=("皮卡", "pickup"),
            van=("面包车", "van", "微面"),
            bus=("客车", "bus", "轻客"),
            truck=("货车", "truck", "卡车"),
        ),
        Segment: _terms(
            a00=("微型车", "city car"),
            a0=("小型车", "subcompact"),
            a=("紧凑型车", "compact"),
            b=("中型车", "mid-size"),
            c=("中大型车", "executive"),
            d=("大型车", "luxury"),
            suv_a0=("小型SUV", "small SUV"),
            suv_a=("紧凑型SUV", "compact SUV"),
            suv_b=("中型SUV", "mid-size SUV"),
            suv_c=("中大型SUV", "large SUV"),
            suv_d=("大型SUV", "full-size SUV"),
            mpv=("MPV", "MPV"),
            sports=("跑车", "sports car"),
            pickup=("皮卡", "pickup"),
            minivan=("微面", "minivan"),
            light_bus=("轻客", "light bus"),
            other=("其他", "other"),
        ),
        Colour: _terms(
            white=("白", "white", "白色", "珍珠白"),
            grey=("灰", "grey", "灰色", "深灰", "深灰色"),
            silver=("银", "silver", "银色", "银灰", "银灰色"),
            yellow=("黄", "yellow", "黄色"),
            gold=("金", "gold", "金色", "香槟", "香槟色"),
            orange=("橙", "orange", "橙色"),
            pink=("粉", "pink", "粉色"),
            red=("红", "red", "红色"),
            purple=("紫", "purple", "紫色"),
            green=("绿", "green", "绿色"),
            blue=("蓝", "blue", "蓝色"),
            brown=("棕", "brown", "棕色", "咖啡色", "咖啡"),
            black=("黑", "black", "黑色"),
            other=("其他", "other", "多彩色", "其它"),
        ),
        UseType: _terms(
            non_commercial=("非营运", "non-commercial", "家用", "非营业"),
            coach=("公路客运", "coach"),
            city_bus=("公交客运", "city bus"),
            taxi=("出租客运", "taxi", "出租"),
            tourist=("旅游客运", "tourist transport"),
            freight=("货运", "freight"),
            rental=("租赁", "rental"),
            police=("警用", "police"),
            fire=("消防", "fire service"),
            ambulance=("救护", "ambulance"),
            rescue=("工程救险", "engineering rescue"),
            commercial_to_private=("营转非", "formerly commercial"),
            taxi_to_private=("出租转非", "formerly taxi"),
            driving_school=("教练", "driving school"),
            school_bus=("校车", "school bus", "幼儿校车", "小学生校车", "其他校车"),
            dangerous_goods=("危险品运输", "dangerous goods"),
            ride_hailing=("预约出租客运", "ride hailing", "网约车"),
            ride_hailing_to_private=("预约出租转非", "formerly ride hailing"),
        ),
        BatteryChemistry: _terms(nmc=("三元锂", "ternary lithium"), lfp=("磷酸铁锂", "lithium iron phosphate"), other=("其他", "other")),
        Capacity: _terms(
            owner=("所有人", "owner"),
            dealer_stock=("库存", "dealer stock"),
            consignee=("受托人", "consignee"),
            pilot=("试点企业", "import pilot"),
        ),
        TradeMode: _terms(
            b2c_store=("卖场零售", "store"),
            c2c_consignment=("寄售", "consignment"),
            c2c_virtual=("虚拟寄售", "virtual consignment"),
            c2b_auction=("竞拍(个人卖给车商)", "auction, owners to dealers"),
            b2b_auction=("竞拍(车商之间)", "auction between dealers"),
            b2c_auction=("竞拍(车商卖给个人)", "auction, dealers to consumers"),
            c2c_auction=("竞拍(个人之间)", "auction between people"),
            acquisition=("收购", "acquisition"),
            parallel_import=("平行进口", "parallel import"),
            transfer=("过户", "transfer of registration"),
        ),
        DocumentKind: _terms(
            registration_certificate=("机动车登记证书", "registration certificate"),
            driving_licence=("机动车行驶证", "vehicle licence"),
            inspection_mark=("安全技术检验合格标志", "inspection mark"),
            purchase_tax_proof=("车辆购置税完税证明", "purchase tax proof"),
            vehicle_tax_proof=("车船税缴付凭证", "vehicle tax proof"),
            insurance_policy=("车辆保险单", "insurance policy"),
            purchase_invoice=("购车发票", "purchase invoice"),
            power_of_attorney=("授权委托书", "power of attorney"),
            purchase_contract=("收购合同", "purchase contract"),
            asset_disposal_proof=("资产处理证明", "proof of asset disposal"),
        ),
        RestrictionKind: _terms(
            lien=("抵押", "lien"),
            pledge=("质押备案", "pledge"),
            seal=("查封、扣押", "seal or seizure"),
            customs_supervision=("海关监管", "customs supervision"),
            stolen=("盗抢、诈骗等犯罪所得", "stolen or obtained by crime"),
            engine_number_mismatch=("发动机号不符或凿改", "engine number mismatch"),
            vin_mismatch=("车架号不符或凿改", "VIN mismatch"),
            illegal_assembly=("走私或非法拼(组)装", "smuggled or illegally assembled"),
            deregistered=("已注销或报废", "deregistered or scrapped"),
            recall=("未完成的召回", "open recall"),
            barred_by_law=("法律、行政法规禁止交易", "barred by law"),
        ),
        RestrictionState: _terms(open=("有效", "open"), consented=("已同意", "consented"), released=("已解除", "released")),
        OdometerSource: _terms(
            holder=("持有人填报", "holder"),
            appraisal=("鉴定评估", "appraisal"),
            inspection=("年检", "inspection"),
            workshop=("维修保养", "workshop"),
            **{"import": ("数据导入", "data import")},
            handover=("交车", "handover"),
        ),
    }
)


def term(value: StrEnum) -> Term:
    """The names of one value."""
    return VOCABULARY[type(value)][value.value]


def normalize(text: str) -> str:
    """Full-width to half-width, lower case, no spaces: what look-ups by text compare."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def _index(kind: type[StrEnum]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value, names in VOCABULARY[kind].items():
        for text in (value, names.zh, names.en, *names.aliases):
            found.setdefault(normalize(text), value)
    return found


_INDEXES = {kind: _index(kind) for kind in VOCABULARY}


def parse_term(kind: type[E], text: str) -> E | None:
    """The value a text means, in Chinese or English, None when it means none of them."""
    value = _INDEXES[kind].get(normalize(text))
    return kind(value) if value is not None else None
