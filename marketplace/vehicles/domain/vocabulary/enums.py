"""Every enumeration of a car; letters and numbers named are the public-security code sets (GA 24, GA 802)."""

from enum import StrEnum


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
    EU4 = "eu4"
    EU5 = "eu5"
    EU6 = "eu6"
    NONE = "none"

    @property
    def rank(self) -> int:
        """Order of strictness; an electric car meets every stage, a European one stands with the Chinese stage taken from it."""
        return _STRICTNESS[self.value]


_STRICTNESS = {"cn1": 1, "cn2": 2, "cn3": 3, "cn4": 4, "eu4": 4, "cn5": 5, "eu5": 5, "cn6a": 6, "eu6": 6, "cn6b": 7, "none": 9}


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
    """Papers of a car; the first seven go to the buyer (办法 第十九条). The last group ends or opens a restriction once checked."""

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
    MANUAL = "manual"
    WARRANTY_VOUCHER = "warranty_voucher"
    VIOLATIONS_SETTLED = "violations_settled"
    MOVE_IN_REPLY = "move_in_reply"
    LIEN_RELEASE = "lien_release"
    THREE_PARTY_APPLICATION = "three_party_application"
    PLEDGE_RELEASE = "pledge_release"
    SEAL_RELEASE = "seal_release"
    CUSTOMS_APPROVAL = "customs_approval"
    CUSTOMS_RELEASE = "customs_release"
    POLICE_CLEARANCE = "police_clearance"
    RECALL_PROOF = "recall_proof"


class RestrictionKind(StrEnum):
    """What may stand on a car: the tradability table's questions 1–8 as records."""

    LIEN = "lien"
    PLEDGE = "pledge"
    SEAL = "seal"
    SEAL_WAITING = "seal_waiting"
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


class CheckState(StrEnum):
    """What an operator found of a paper."""

    UNCHECKED = "unchecked"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class OdometerSource(StrEnum):
    HOLDER = "holder"
    APPRAISAL = "appraisal"
    INSPECTION = "inspection"
    WORKSHOP = "workshop"
    IMPORT = "import"
    HANDOVER = "handover"


class PlateClass(StrEnum):
    """GA 号牌种类: 01, 02, 15, 16, 22, 23, 51, 52."""

    LARGE = "large"
    SMALL = "small"
    TRAILER = "trailer"
    DRIVING_SCHOOL = "driving_school"
    TEMPORARY = "temporary"
    POLICE = "police"
    NEW_ENERGY_LARGE = "new_energy_large"
    NEW_ENERGY_SMALL = "new_energy_small"


class RegisteredClass(StrEnum):
    """GA 802 车辆类型, the classes a used-car market meets."""

    K11 = "k11"
    K21 = "k21"
    K31 = "k31"
    K32 = "k32"
    K33 = "k33"
    K34 = "k34"
    K41 = "k41"
    K42 = "k42"
    K43 = "k43"
    H11 = "h11"
    H21 = "h21"
    H31 = "h31"
    H41 = "h41"
    OTHER = "other"


class OwnerKind(StrEnum):
    """所有人性质."""

    PERSON = "person"
    UNIT = "unit"


class RegistryStatus(StrEnum):
    """GA 机动车状态, A to Q without F."""

    NORMAL = "normal"
    MOVED_OUT = "moved_out"
    STOLEN = "stolen"
    OFF_ROAD = "off_road"
    DEREGISTERED = "deregistered"
    VIOLATIONS_OPEN = "violations_open"
    CUSTOMS_SUPERVISED = "customs_supervised"
    ACCIDENT_OPEN = "accident_open"
    SUSPECT = "suspect"
    SEALED = "sealed"
    DETAINED = "detained"
    DEREGISTERED_BY_FORCE = "deregistered_by_force"
    HIT_AND_RUN = "hit_and_run"
    LOCKED = "locked"
    PAPERS_VOID = "papers_void"
    INSPECTION_OVERDUE = "inspection_overdue"


class PurchaseTax(StrEnum):
    PAID = "paid"
    EXEMPT = "exempt"
    REDUCED = "reduced"
    UNPAID = "unpaid"


class SourceKind(StrEnum):
    """车源类型: where the car comes from."""

    PRIVATE = "private"
    DEALER = "dealer"
    TRADE_IN = "trade_in"
    FLEET = "fleet"
    OFFICIAL = "official"
    REPOSSESSED = "repossessed"
    JUDICIAL = "judicial"
    SALVAGE = "salvage"
    PARALLEL_IMPORT = "parallel_import"


class ServiceRecord(StrEnum):
    """4S保养记录."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


class RangeStandard(StrEnum):
    NEDC = "nedc"
    WLTC = "wltc"
    CLTC = "cltc"
    MEASURED = "measured"


class HistoryKind(StrEnum):
    """What is written into a car's history: workshop visits and insurance claims."""

    SERVICE = "service"
    CLAIM = "claim"
