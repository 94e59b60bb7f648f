"""What the vehicles feature refuses, and why."""

from marketplace.core.errors import Forbidden, Malformed, NotFound, Refusal, Rule, TooLarge


class BadVin(Malformed):
    """``reason``: shape, check_digit, model_year. The number itself is not repeated."""

    zh = "车辆识别代号(VIN)有误:{reason_zh}"
    en = "The VIN is wrong: {reason}."
    rule = Rule("GB 16735-2019", "GB 16735-2019 road vehicles — VIN")


class BadPlate(Malformed):
    zh = "号牌号码格式有误"
    en = "The plate number has none of the shapes of GA 36."
    rule = Rule("GA 36-2018", "GA 36-2018 motor vehicle number plates")


class BadFacts(Malformed):
    """``field`` names the place."""

    zh = "车辆信息有误:{field}"
    en = "A fact of the car is wrong: {field}."


class UnknownBrand(Malformed):
    """``suggestions``: brands whose names are near."""

    zh = "品牌不在车型库中:{brand}"
    en = "No brand of the catalogue is called {brand}."


class UnknownSeries(NotFound):
    zh = "车系不在车型库中:{series}"
    en = "No series of that brand is called {series}."


class RestrictionMissing(Malformed):
    """``restriction_kinds``: what such a paper ends or opens; ``restriction_id`` names none of them on this car."""

    zh = "须指明该文件对应的限制"
    en = "The paper must name the restriction it is about."


class DocumentChecked(Refusal):
    """``check_state``: what was found of it."""

    zh = "该文件已核验({check_state})或已被替换"
    en = "The paper has been checked ({check_state}) or superseded."


class OwnPaper(Forbidden):
    """Nobody accepts the paper he put on file himself."""

    zh = "不得核验自己登记的文件"
    en = "Nobody checks a paper that he put on file himself."


class HeldByAnother(Refusal):
    """Says nothing of who or since when."""

    zh = "该车已由他人登记持有,如有异议请申请权属核查"
    en = "Another party holds this car; ask for a title case if it is yours."
    rule = Rule("二手车交易规范 第六条", "Used-Car Trading Code, art. 6")


class AlreadyRegistered(Refusal):
    zh = "您已登记过该车"
    en = "You have registered this car already."


class VehicleNotFound(NotFound):
    zh = "未找到该车辆"
    en = "No such vehicle, or it is not yours."


class NotEligible(Refusal):
    """``findings`` lists every bar with its article and what clears it."""

    zh = "该车目前不可以此方式交易"
    en = "The car may not be traded this way now."
    rule = Rule("二手车流通管理办法 第二十条", "Used-Car Circulation Measures, art. 20")


class RestrictionNotOpen(Refusal):
    zh = "该限制已解除"
    en = "The restriction is no longer open."


class PhotoNotUsable(Malformed):
    """``reason``: type, size, pixels, broken."""

    zh = "照片无法使用:{reason}"
    en = "The photo cannot be used: {reason}."


class PhotoTooLarge(TooLarge):
    zh = "照片过大(上限 {limit_bytes} 字节)"
    en = "The photo is larger than {limit_bytes} bytes."


class TooManyPhotos(Refusal):
    zh = "照片数量已达上限({limit})"
    en = "A car has at most {limit} photos."
