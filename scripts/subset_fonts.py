"""Write the Chinese fonts the printed papers ship with: Noto Sans CJK SC, cut to GB 2312 and the rarer characters of names and places.

``python scripts/subset_fonts.py /usr/share/fonts/opentype/noto`` (Debian: fonts-noto-cjk). Only after a change of the font or of the
set: the result is checked in, so nobody needs the source font. What the fonts hold is written beside them: any other character is
printed as 〓.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTCollection, TTFont  # type: ignore[import-untyped]

OUT = Path(__file__).parent.parent / "marketplace" / "core" / "printing" / "fonts"
EXTRA = "−∞∑√∶≠≡①②③④⑤⑥⑦⑧⑨⑩×÷±≤≥≈²³°‰€¥£§©®™✓✔✗✘☐☑☒→←↑↓↔⇒■□▲△▼▽◆◇○●★☆•·…—–\u2018\u2019\u201c\u201d〔〕【】「」『』㎡㎜㎝㎞℃№"
NAMES = (  # in names of people and places, not in GB 2312
    "喆堃玥珺翀镕珮珣瑀赟劼峣暐燚垚犇骉祎祐禛稑粦翾芃芠荇翯逯镡陉頔飏骁骕骦麴龑姮婳媺孖屾峯崟峂嵒弢彧慜扆旸昉昕昶晞晢曈曌朤杬枞栐桄桉棽樾櫆歆沄沚洺浠淏渌溦滢漪澍濛炘焜焱煊燊玘玙玚玠玢玮珅珏珑珞珩"
    "琂琇琨琪琬琮琰琤瑄瑗瑭璁璇璋璐璘璟璠璨璩瓅瓒甯砼碶磡禤竑竞笪筠箬篁綦綮繇罡羑羿翎耑聃胤舢艽苒苡茀茆茜荃荻莘莳菀菁菂萱葭蓁蔹薏薇蘧虓虔蜞衎袆裎觊訚誠諴谞豳贇赑跂踞軏轩轫辂辋迤迨逄逖郄郏郓郗郚郜郯鄄鄞鄢鄯酆釗"
    "鈊鉴銮鍀鎏鎔鑫钊钏钜钰铄铖铠铭锟锴镁镛镠镳閆闳闵阇阆阊陬隗隽霁霈霖韬韫韵頫颀颉颢飔飚馡馥骎骐骞骢骥髙髦魃魉鬯鲲鳯鵬鸢鸾鹍鹏鹮麒麓黉黛黟鼐鼒龢龘㛃㧑㭎㮾㴔㸆䶮𬭎祾祼稙穜窅窨竦筼籛糸紃絜綝緒縯繄瞐瞾皕皛皞皦皪畯畹甪"
    "沨汭沇沘泖泐泃泇泚洑洧洨洹浯浥浬涑涓淙淦淯淠渑渼湉湑湫湲溍溧溱溵溶滏滘滠滪滹漤潆潞潢潴澉澧澴濂濉濋濠濮灏灞炆炜炟炣炤烜烨焓焯煐煜煦熳熵熹燏燨爔爟"
    "倓俍俣俶偲偲傒僖僳儆儇冼刕勍勔勖勰匡卬厍叡吒吔咁咲哏哿唵啶喈喆喬嗣嘏嘒噚囍圐圙坭垟垕埇埏埕埗埝埭埸堉堌堎堨塄塬墀墉墘夢奡妘妍妧姈姝姞姽娅娉娡婋婍婞婠嫕嫚嫣嬅嬴孁宬寊尕尢尪岍岠岢岿峄峒峤峪崁崎崐崑崚崤崦嵇嵊嵋嵎"
    "嵩嶓巉巘帟幪庠庥庹廑廙弋弘彣彤徕徛徜忞忱忻怙怿恂恽悱悫惔惢愃愍愫慆慥憬戬扺抟挹捭掞揆揖揲摛攸敉敔斐斓斝旃旎旻昀昃昇昊昐昙昝昺晁晅晊晙晟晡晳晷暅暎暝暾曦朓朕杋杲枥枧枳柃柘柷栎栒栟栩桂桐桢梓梣梽棣棨椤楙楠榀榭榴槊槿檀"
)
NAME = "Henanroad Sans SC"


def _coded(codec: str) -> Iterator[str]:
    for high in range(0x81, 0xFF):
        for low in range(0x40, 0xFF):
            try:
                yield bytes((high, low)).decode(codec)
            except UnicodeDecodeError:
                continue


def _characters() -> set[int]:
    latin = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x370, 0x400), *range(0x2000, 0x2070), *range(0xFF00, 0xFFF0)]
    return {ord(one) for one in (*_coded("gb2312"), *EXTRA, *NAMES)} | set(latin)


def _cut(source: Path, weight: str) -> Path:
    collection = TTCollection(str(source), lazy=True)
    font = next(one for one in collection.fonts if one["name"].getDebugName(1).startswith("Noto Sans CJK SC"))
    options = subset.Options()
    options.layout_features = ["kern", "halt", "palt", "locl", "calt", "ccmp", "liga"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]
    options.desubroutinize = False
    options.hinting = False
    options.notdef_outline = True
    options.drop_tables += ["BASE", "VORG", "vhea", "vmtx", "DSIG"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=_characters())
    cutter.subset(font)
    _rename(font, weight)
    target = OUT / f"HenanroadSansSC-{weight}.otf"
    font.save(str(target))
    return target


def _rename(font: "subset.ttLib.TTFont", weight: str) -> None:
    """The OFL keeps a reserved name for the original; a cut of it is another font."""
    names = {1: NAME, 2: weight, 3: f"{NAME} {weight}", 4: f"{NAME} {weight}", 6: f"HenanroadSansSC-{weight}"}
    for record in list(font["name"].names):
        if record.nameID in {16, 17, 25}:
            font["name"].names.remove(record)
        elif record.nameID in names:
            record.string = names[record.nameID]
    font["CFF "].cff.fontNames = [names[6]]
    top = font["CFF "].cff.topDictIndex[0]
    top.FullName, top.FamilyName = names[4], NAME
    font["head"].modified = font["head"].created


def _ranges(points: set[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    held: list[set[int]] = []
    for weight in ("Regular", "Bold"):
        written = _cut(folder / f"NotoSansCJK-{weight}.ttc", weight)
        print(f"{written.name}: {written.stat().st_size / 1e6:.1f} MB", flush=True)
        held.append(set(TTFont(written, lazy=True).getBestCmap()))
    (OUT / "coverage.json").write_text(json.dumps(_ranges(held[0] & held[1]), separators=(",", ":")), encoding="ascii")
