"""Papers of an appraisal: kinds, for whom, the photos in the file, the report's number."""

from datetime import date
from enum import StrEnum
from uuid import UUID


class PaperKind(StrEnum):
    """What is printed."""

    REPORT = "report"  # 二手车鉴定评估报告
    STATUS_TABLE = "status_table"  # 二手车技术状况表, one page


class Audience(StrEnum):
    """The client's copy carries full VIN and plate, his name and the photos; the public one is masked and has no photo."""

    CLIENT = "client"
    PUBLIC = "public"


class PhotoSlot(StrEnum):
    """What a photo of the file shows."""

    LEFT_FRONT = "left_front_45"  # 左前45°
    RIGHT_REAR = "right_rear_45"  # 右后45°
    CABIN = "cabin"  # 驾驶舱
    ENGINE_BAY = "engine_bay"  # 发动机舱
    NAMEPLATE = "nameplate"  # 铭牌 车架号
    ODOMETER = "odometer"  # 里程表
    DEFECT = "defect"  # 缺陷
    OTHER = "other"  # 其他


def report_number(base_on: date, appraisal_id: UUID) -> str:
    """``JDPG-20261125-1a2b3c4d``: base date and the appraisal's own random part."""
    return f"JDPG-{base_on:%Y%m%d}-{appraisal_id.hex[-8:]}"
