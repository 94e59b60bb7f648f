"""What a listing of an import shows people, line by line (汽车销售管理办法 第十二条)."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.parallel_import.domain import VERSION_NAMES, ImportNotFound
from marketplace.parallel_import.service import cars

_CUSTOMS = {"ordered": "在途", "bonded": "保税(清关前不交付)", "cleared": "已清关"}


def shown_lines(session: Session, *, vehicle_id: UUID) -> list[tuple[str, str, str]]:
    """``(Chinese, English, value)`` of everything that must be shown; empty for a car that is no import on sale."""
    try:
        found = cars.get_disclosure(session, vehicle_id=vehicle_id)
    except ImportNotFound:
        return []
    row, car = found.row, found.car
    there = "、".join(one.zh for one in found.checks if one.is_there)
    lacking = "、".join(one.zh for one in found.checks if not one.is_there)
    rectified = " · ".join(part for part in (row.rectifications, row.rectification_site) if part)
    return [
        ("进口渠道", "channel", "平行进口"),
        ("进口企业", "importer", f"{row.importer}({row.pilot_no})"),
        ("版别", "built for", VERSION_NAMES[row.import_version]),
        ("三包责任人", "warranty giver", row.warranty_giver),
        ("三包条款", "warranty terms", row.warranty_terms),
        ("维修网点", "repair outlets", row.repair_outlets),
        ("召回联系人", "recall contact", row.recall_contact),
        ("原厂保修", "maker's warranty", "享有" if row.makers_warranty else "不享有"),
        ("整改项目与场所", "rectified", rectified or "无"),
        ("与中规车差异", "differences", row.differences or "无"),
        ("排放标准", "emission stage", car.emission_stage.value if car.emission_stage else "不适用"),
        ("CCC证书编号", "CCC certificate", found.ccc_no or ""),
        ("到港日期", "arrived on", row.arrived_on.isoformat() if row.arrived_on else ""),
        ("海关状态", "customs", _CUSTOMS[cars.customs_status(row)]),
        ("登记状态", "registration", "新车" if cars.registration_status(found) == "new" else "二手"),
        ("单证齐备", "papers on file", there),
        ("随车交付", "papers handed over with the car", lacking or "无"),
        ("书面提示", "reminder", cars.reminder(row)),
    ]
