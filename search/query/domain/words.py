"""Trade words that are not in the vocabulary of vehicles: what buyers write, and which values they mean. Values are the vocabulary's."""

from collections.abc import Mapping
from types import MappingProxyType

NEW_ENERGY = ("bev", "phev", "erev", "fcev")
AUTOMATIC = ("at", "dct", "cvt", "amt", "single_speed")

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fuel": {
            "新能源": NEW_ENERGY,
            "新能源车": NEW_ENERGY,
            "绿牌": NEW_ENERGY,
            "电动车": ("bev",),
            "电车": ("bev",),
            "纯电车": ("bev",),
            "油车": ("petrol", "diesel"),
            "燃油车": ("petrol", "diesel"),
            "燃油": ("petrol", "diesel"),
            "混动": ("hev", "phev", "erev"),
            "混合动力": ("hev", "phev", "erev"),
            "增程": ("erev",),
            "插混": ("phev",),
            "插电": ("phev",),
        },
        "gearbox": {
            "自动": AUTOMATIC,
            "自动挡": AUTOMATIC,
            "自动档": AUTOMATIC,
            "自排": AUTOMATIC,
            "手自一体": ("at",),
            "手动": ("mt",),
            "手动挡": ("mt",),
            "手动档": ("mt",),
            "手排": ("mt",),
        },
        "body_style": {
            "轿车": ("sedan", "hatchback", "liftback"),
            "小轿车": ("sedan", "hatchback", "liftback"),
            "越野": ("suv",),
            "越野车": ("suv",),
            "城市suv": ("suv",),
            "七座商务": ("mpv",),
            "商务": ("mpv",),
            "旅行车": ("estate",),
            "瓦罐": ("estate",),
        },
        "drivetrain": {
            "四驱": ("awd", "part_time_4wd"),
            "4驱": ("awd", "part_time_4wd"),
            "awd": ("awd",),
            "4wd": ("awd", "part_time_4wd"),
            "两驱": ("fwd", "rwd"),
        },
        "emission": {
            "国六": ("cn6a", "cn6b"),
            "国6": ("cn6a", "cn6b"),
            "国vi": ("cn6a", "cn6b"),
            "国五以上": ("cn5", "cn6a", "cn6b", "none"),
            "国5以上": ("cn5", "cn6a", "cn6b", "none"),
        },
        "channel": {
            "平行进口": ("parallel_import",),
            "平行进口车": ("parallel_import",),
            "个人车": ("c2c_consignment", "c2c_virtual"),
            "个人一手车": ("c2c_consignment", "c2c_virtual"),
            "寄售": ("c2c_consignment", "c2c_virtual"),
            "竞拍": ("auction",),
            "拍卖": ("auction",),
            "车商": ("b2c_store",),
        },
    }
)
"""Field → text → values. A text here comes before the same text of the vocabulary."""

FILLERS = frozenset(
    """
    二手车 二手 求购 想买 我想买 想要 我要 我想要 一辆 一台 有没有 有吗 的 车 车子 汽车 辆 台 价格 价位 预算 里程
    公里数 标准 排放 颜色 车型 品牌 出售 元 家用 代步
    """.split()
)
"""Words that say nothing about a car."""

CITIES = tuple(
    """
    北京 天津 上海 重庆 石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 运城 临汾
    呼和浩特 包头 赤峰 鄂尔多斯 沈阳 大连 鞍山 抚顺 锦州 营口 长春 吉林 四平 哈尔滨 齐齐哈尔 大庆 南京 无锡 徐州 常州
    苏州 南通 连云港 淮安 盐城 扬州 镇江 泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 台州 丽水 合肥 芜湖 蚌埠
    马鞍山 安庆 阜阳 福州 厦门 莆田 泉州 漳州 南昌 景德镇 九江 赣州 上饶 济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安
    威海 日照 临沂 德州 聊城 滨州 菏泽 郑州 开封 洛阳 安阳 新乡 焦作 许昌 南阳 商丘 武汉 黄石 十堰 宜昌 襄阳 荆州 长沙
    株洲 湘潭 衡阳 岳阳 常德 广州 韶关 深圳 珠海 汕头 佛山 江门 湛江 茂名 惠州 中山 东莞 南宁 柳州 桂林 海口 三亚 成都
    自贡 攀枝花 泸州 德阳 绵阳 乐山 南充 宜宾 贵阳 遵义 昆明 曲靖 大理 拉萨 西安 宝鸡 咸阳 兰州 西宁 银川 乌鲁木齐
    """.split()
)
