"""The words of a car: every enumeration with its Chinese and English name, and the texts people write for it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from marketplace.vehicles.domain.vocabulary.enums import (
    BatteryChemistry,
    BodyStyle,
    Capacity,
    CheckState,
    Colour,
    DocumentKind,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    HistoryKind,
    IdentityKind,
    OdometerSource,
    OwnerKind,
    PlateClass,
    PurchaseTax,
    RangeStandard,
    RegisteredClass,
    RegistryStatus,
    RestrictionKind,
    RestrictionState,
    Segment,
    ServiceRecord,
    SourceKind,
    TradeMode,
    UseType,
    VehicleKind,
)

E = TypeVar("E", bound=StrEnum)


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
            eu4=("欧四", "Euro 4", "欧iv", "欧4"),
            eu5=("欧五", "Euro 5", "欧v", "欧5"),
            eu6=("欧六", "Euro 6", "欧vi", "欧6"),
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
            manual=("使用说明书", "owner's manual", "说明书"),
            warranty_voucher=("三包凭证", "warranty voucher"),
            violations_settled=("违法事故处理完毕证明", "proof that violations and accidents are settled"),
            move_in_reply=("转入地车管所核准意见", "transfer-in office's reply"),
            lien_release=("解除抵押登记证明", "lien release record", "解押证明"),
            three_party_application=("抵押期间转让三方共同申请", "joint application of seller, buyer and creditor", "三方协议"),
            pledge_release=("解除质押备案证明", "pledge release record"),
            seal_release=("解除查封、扣押文书", "release of seal or seizure"),
            customs_approval=("海关同意转让文件", "customs' approval of the trade"),
            customs_release=("海关解除监管证明", "customs' certificate of release"),
            police_clearance=("公安机关核查证明", "police clearance"),
            recall_proof=("召回完成证明", "proof that the recall is done"),
        ),
        RestrictionKind: _terms(
            lien=("抵押", "lien"),
            pledge=("质押备案", "pledge"),
            seal=("查封、扣押", "seal or seizure"),
            seal_waiting=("轮候查封", "seal waiting in turn"),
            customs_supervision=("海关监管", "customs supervision"),
            stolen=("盗抢、诈骗等犯罪所得", "stolen or obtained by crime"),
            engine_number_mismatch=("发动机号不符或凿改", "engine number mismatch"),
            vin_mismatch=("车架号不符或凿改", "VIN mismatch"),
            illegal_assembly=("走私或非法拼(组)装", "smuggled or illegally assembled"),
            deregistered=("已注销或报废", "deregistered or scrapped"),
            recall=("未完成的召回", "open recall"),
            barred_by_law=("法律、行政法规禁止交易", "barred by law"),
        ),
        CheckState: _terms(unchecked=("未核验", "unchecked"), accepted=("核验通过", "accepted"), refused=("核验未通过", "refused")),
        RestrictionState: _terms(open=("有效", "open"), consented=("已同意", "consented"), released=("已解除", "released")),
        OdometerSource: _terms(
            holder=("持有人填报", "holder"),
            appraisal=("鉴定评估", "appraisal"),
            inspection=("年检", "inspection"),
            workshop=("维修保养", "workshop"),
            **{"import": ("数据导入", "data import")},
            handover=("交车", "handover"),
        ),
        PlateClass: _terms(
            large=("大型汽车号牌", "large vehicle plate", "01"),
            small=("小型汽车号牌", "small vehicle plate", "02"),
            trailer=("挂车号牌", "trailer plate", "15"),
            driving_school=("教练汽车号牌", "driving-school plate", "16"),
            temporary=("临时行驶车号牌", "temporary plate", "22"),
            police=("警用汽车号牌", "police plate", "23"),
            new_energy_large=("大型新能源汽车号牌", "large new-energy plate", "51"),
            new_energy_small=("小型新能源汽车号牌", "small new-energy plate", "52"),
        ),
        RegisteredClass: _terms(
            k11=("大型普通客车", "large ordinary bus"),
            k21=("中型普通客车", "medium ordinary bus"),
            k31=("小型普通客车", "small ordinary passenger vehicle"),
            k32=("小型越野客车", "small off-road passenger vehicle"),
            k33=("小型轿车", "small sedan"),
            k34=("小型专用客车", "small special passenger vehicle"),
            k41=("微型普通客车", "micro ordinary passenger vehicle"),
            k42=("微型越野客车", "micro off-road passenger vehicle"),
            k43=("微型轿车", "micro sedan"),
            h11=("重型普通货车", "heavy ordinary truck"),
            h21=("中型普通货车", "medium ordinary truck"),
            h31=("轻型普通货车", "light ordinary truck"),
            h41=("微型普通货车", "micro ordinary truck"),
            other=("其他", "other"),
        ),
        OwnerKind: _terms(person=("个人", "person", "私户"), unit=("单位", "unit", "公户")),
        RegistryStatus: _terms(
            normal=("正常", "normal"),
            moved_out=("转出", "moved out"),
            stolen=("被盗抢", "stolen or robbed"),
            off_road=("停驶", "off the road"),
            deregistered=("注销", "deregistered"),
            violations_open=("违法未处理", "violations not settled"),
            customs_supervised=("海关监管", "under customs supervision"),
            accident_open=("事故未处理", "accident not settled"),
            suspect=("嫌疑车", "suspect"),
            sealed=("查封", "sealed"),
            detained=("暂扣", "detained"),
            deregistered_by_force=("强制注销", "deregistered by force"),
            hit_and_run=("事故逃逸", "hit and run"),
            locked=("锁定", "locked"),
            papers_void=("牌证作废", "plate and papers void"),
            inspection_overdue=("逾期未检验", "inspection overdue"),
        ),
        PurchaseTax: _terms(paid=("已缴", "paid"), exempt=("免税", "exempt"), reduced=("减税", "reduced"), unpaid=("未缴", "unpaid")),
        SourceKind: _terms(
            private=("个人车源", "private owner", "个人"),
            dealer=("车商", "dealer"),
            trade_in=("4S店置换", "trade-in", "置换"),
            fleet=("租赁退役", "retired fleet", "租赁"),
            official=("公车", "official vehicle"),
            repossessed=("金融处置", "repossessed"),
            judicial=("司法处置", "judicial sale", "司法"),
            salvage=("保险残值", "insurance salvage"),
            parallel_import=("平行进口", "parallel import"),
        ),
        ServiceRecord: _terms(
            full=("全程4S店保养", "always at the maker's workshop", "全程4s", "4s店全程"),
            partial=("部分4S店保养", "partly at the maker's workshop", "部分"),
            none=("无4S店保养记录", "no record", "无"),
        ),
        RangeStandard: _terms(nedc=("NEDC", "NEDC"), wltc=("WLTC", "WLTC"), cltc=("CLTC", "CLTC"), measured=("实测", "measured")),
        HistoryKind: _terms(service=("维修保养", "service"), claim=("出险理赔", "insurance claim")),
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
