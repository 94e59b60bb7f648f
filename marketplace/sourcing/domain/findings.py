"""What may be wrong with a row: code, field, Chinese sentence, and how to mend it. The row's own values are never repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class RowFinding:
    """One place of a row. ``severity``: ``error`` keeps the row out, ``warning`` lets it in. ``column`` is the file's own header."""

    field: str
    code: str
    severity: str
    zh: str
    hint: str
    column: str | None = None

    def as_plain(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "column": self.column,
            "code": self.code,
            "severity": self.severity,
            "zh": self.zh,
            "hint": self.hint,
        }


_ERRORS = {
    "row_empty": ("整行为空", "删除该行"),
    "column_count": ("列数与表头不一致", "检查是否多了分隔符或缺少引号"),
    "value_missing": ("必填项为空", "补充该项"),
    "free_text_in_number": ("数字栏中有文字", "只填数字,例如 5.8;“面议”等文字请写在描述中"),
    "number_out_of_range": ("数值超出合理范围", "核对数值"),
    "text_too_long": ("文字过长", "缩短内容"),
    "date_unreadable": ("日期无法识别", "写成 2021-03 或 2021-03-18"),
    "vin_missing": ("车架号为空", "填写17位车架号"),
    "vin_length": ("车架号不是17位", "对照行驶证补足17位"),
    "vin_characters": ("车架号含有不允许的字符", "车架号不含字母 I、O、Q,请对照行驶证"),
    "vin_check_digit": ("车架号校验位不符(GB 16735)", "对照行驶证逐位核对,常见于抄错一位"),
    "vin_model_year": ("车架号第10位与年款不符(GB 16735)", "核对年款或车架号"),
    "vin_duplicate": ("车架号与本文件前面的行重复", "删除重复的一行,或改正车架号"),
    "vehicle_held_by_another": ("该车已由他人登记持有", "如确为本企业所有,请申请权属核查"),
    "held_otherwise": ("本企业并非以库存方式持有该车", "在车辆管理中更改持有方式"),
    "brand_unknown": ("品牌不在车型库中", "改用车型库中的品牌名称,例如 大众、宝马"),
    "first_registration_in_future": ("上牌时间晚于今天", "核对上牌年份"),
    "first_registration_before_1980": ("上牌时间早于1980年", "核对上牌年份;空日期不要写成1970-01"),
    "first_registration_before_model_year": ("上牌时间早于年款一年以上", "核对年款与上牌时间"),
    "emission_contradicts_date": ("排放标准晚于上牌时间:该标准当时尚未发布", "核对上牌时间或排放标准"),
    "mileage_missing": ("里程为空", "填写表显里程"),
    "mileage_negative": ("里程为负数", "填写表显里程"),
    "mileage_unit": ("里程过大,单位可能有误", "表头单位为万公里时,5万公里填 5.0"),
    "price_missing": ("价格为空", "填写含全部费用的销售价"),
    "price_unit": ("价格超出市场范围,单位可能有误", "表头单位为万元时,12.98万元填 12.98"),
    "plate_wrong": ("号牌号码格式有误(GA 36)", "核对号牌号码,或留空"),
    "fact_wrong": ("车辆信息互相矛盾", "核对该项"),
    "changed_since": ("该车在此后由人工修改,未回退", "在库存管理中手工核对"),
    "gone_since": ("该车已售出或不再由本企业持有,未回退", "无需处理"),
}
_WARNINGS = {
    "emission_doubtful": ("上牌时该排放标准尚未发布,可能是同级欧标", "核对排放标准"),
    "emission_foreign": ("排放标准不是国标分级,未采用", "填写国四、国五、国六等"),
    "emission_unknown": ("排放标准无法识别,未采用", "填写国四、国五、国六等"),
    "gearbox_unknown": ("变速箱无法识别,未采用", "填写手动、自动、双离合、无级变速等"),
    "colour_unknown": ("颜色无法识别,按其他处理", "填写白、黑、灰、蓝等"),
    "fuel_unknown": ("燃料类型无法识别,按推断处理", "填写汽油、纯电动、插电混动等"),
    "use_type_unknown": ("使用性质无法识别,按非营运处理", "填写非营运、营转非、租赁等"),
    "series_unknown": ("车系不在车型库中,按原文保存", "可增加“车系”一列"),
    "price_unit_assumed": ("表头未写价格单位,已推断", "在表头写明单位,例如 报价(万元)"),
    "mileage_unit_assumed": ("表头未写里程单位,已推断", "在表头写明单位,例如 表显里程(万公里)"),
    "price_above_msrp": ("售价高于新车指导价", "核对价格"),
    "value_ignored": ("该项无法识别,未采用", "核对该项"),
    "odometer_lower": ("里程低于此前记录", "核对里程;调低里程会触发警示"),
    "images_ignored": ("图片链接无效或过多,未采用", "每条为 http(s) 开头的网址,以 | 或换行分隔"),
    "stock_no_duplicate": ("库存编号与前面的行重复", "核对库存编号"),
}
CODES: Mapping[str, str] = MappingProxyType({**dict.fromkeys(_ERRORS, "error"), **dict.fromkeys(_WARNINGS, "warning")})
"""Every code with its severity."""


def find(field: str, code: str, *, column: str | None = None) -> RowFinding:
    zh, hint = _ERRORS.get(code) or _WARNINGS[code]
    return RowFinding(field=field, code=code, severity=CODES[code], zh=zh, hint=hint, column=column)
