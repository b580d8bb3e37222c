"""Market wording: names of companies and the Chinese templates of news and announcements, with the tone of each.

`{公司}` stands for the company and `{数}` for a number. Tones run from -2 to 2; what has no tone foretells nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

FIRST = (
    "华",
    "中",
    "金",
    "东",
    "南",
    "西",
    "北",
    "新",
    "天",
    "海",
    "江",
    "国",
    "长",
    "云",
    "宏",
    "嘉",
    "恒",
    "瑞",
    "泰",
    "永",
    "兴",
    "远",
    "安",
    "和",
)
SECOND = (
    "辉",
    "源",
    "达",
    "盛",
    "康",
    "丰",
    "通",
    "利",
    "信",
    "科",
    "光",
    "诚",
    "业",
    "航",
    "润",
    "峰",
    "汇",
    "创",
    "力",
    "德",
)
KIND = ("股份", "科技", "集团", "实业", "电子", "能源", "药业", "材料", "机械", "控股")

NEWS = tuple(
    (int(row["tone"]), row["title"], row["body"])
    for row in csv.DictReader(Path(__file__).with_suffix(".csv").read_text(encoding="utf-8").splitlines())
)
"""(tone, title, body)"""
SHARE_OF_TONE = {2: 0.12, 1: 0.2, 0: 0.36, -1: 0.2, -2: 0.12}
AGAIN = "转载："
"""How the title of a piece begins that was out before; it foretells nothing more."""
REPORT = "{公司}：{期}报告"
REPORT_BODY = "{公司}发布{期}报告，年初至报告期末归属于上市公司股东的净利润{数}万元。"
PERIODS = {3: "一季度", 6: "半年度", 9: "三季度", 12: "年度"}
RESTATED = "{公司}：关于{期}报告会计差错更正的公告"
RESTATED_BODY = "{公司}对{期}报告有关数据进行更正，更正后年初至报告期末归属于上市公司股东的净利润{数}万元。"
NOTICES: dict[str, tuple[str, str]] = {
    "suspended": ("{公司}：重大事项停牌公告", "{公司}因筹划重大事项，股票自即日起停牌。"),
    "resumed": ("{公司}：股票复牌公告", "{公司}有关事项已披露，股票自即日起复牌。"),
    "st_begins": (
        "{公司}：股票被实施风险警示的公告",
        "{公司}股票自即日起被实施风险警示（ST），日涨跌幅限制为百分之五。",
    ),
    "st_ends": ("{公司}：关于撤销公司股票风险警示的公告", "{公司}股票自即日起撤销风险警示。"),
    "delisting": ("{公司}：股票进入退市整理期的公告", "{公司}股票将被终止上市，即日起进入退市整理期，共三十个交易日。"),
    "listed": ("{公司}：首次公开发行股票上市公告书", "{公司}股票自即日起上市交易。"),
}
"""What an announcement says, by what it is about: title and body."""
POLICY_NEWS = "政策快讯：{}"


def company_names(many: int) -> list[str]:
    """A name for each security; numbers tell those apart that would be the same."""
    names = []
    for s in range(many):
        first, second = FIRST[s % len(FIRST)], SECOND[(s // len(FIRST)) % len(SECOND)]
        kind = KIND[(s * 7 + s // 480) % len(KIND)]
        round_ = s // (len(FIRST) * len(SECOND))
        names.append(f"{first}{second}{kind}{round_ + 1 if round_ else ''}")
    return names
