"""Fact admission: which dated facts can be believed, and for the others the first rule they break.

Every judgement looks at the row itself and at rows that were known no later, so that a fact that was accepted stays
accepted whatever is delivered afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from assets.cleaning.rules.rule import Refusal

ROW = "_row"
WEIGHT_TOLERANCE = 0.001
"""Weights are delivered rounded; a sum of them counts as above 1 only beyond this."""

Frame = pl.DataFrame


def opened(raw: Frame) -> Frame:
    """Every raw row with its number in `_row`, and columns `rule` and `reason` for what refuses it."""
    nothing = pl.lit(None, dtype=pl.String)
    return raw.with_row_index(ROW).with_columns(rule=nothing, reason=nothing)


def kept(rows: Frame) -> pl.LazyFrame:
    """The rows that no rule refused, dated by when they could be known."""
    return rows.lazy().filter(pl.col("rule").is_null()).with_columns(known_on=pl.col("available_at").dt.date())


def ruled(rows: Frame, rules: Sequence[Refusal]) -> Frame:
    """Rows that break one of the rules are refused by the first they break; a test that gives null is not broken."""
    broken = pl.coalesce(pl.when(rule.broken).then(pl.lit(rule.name)) for rule in rules)
    reason = pl.coalesce(pl.when(pl.col("_broken") == rule.name).then(rule.reason) for rule in rules)
    still_open = pl.col("rule").is_null()
    # Sentences cannot be put together in Polars 2.1 where a part of the frame is empty.
    found = rows.rechunk().with_columns(_broken=pl.when(still_open).then(broken))
    return found.with_columns(
        rule=pl.coalesce("rule", "_broken"), reason=pl.when(still_open).then(reason).otherwise(pl.col("reason"))
    ).drop("_broken")


def told(sentence: str, *columns: str) -> pl.Expr:
    """The sentence with the values of the columns in its gaps."""
    return pl.format(sentence, *(pl.col(name).cast(pl.String).fill_null("missing") for name in columns))


def among_open(rows: Frame, judge: Callable[[Frame], Frame]) -> Frame:
    """Let `judge` see only the rows that nothing has refused so far."""
    closed = rows.filter(pl.col("rule").is_not_null())
    return pl.concat([closed, judge(rows.filter(pl.col("rule").is_null()))])


def among_repeated(rows: Frame, key: Sequence[str], judge: Callable[[Frame], Frame]) -> Frame:
    """Let `judge` see only the open rows whose key more than one of them has."""

    def split(some: Frame) -> Frame:
        repeated = some.select(key).is_duplicated()
        return pl.concat([some.filter(~repeated), judge(some.filter(repeated))])

    return among_open(rows, split)


def common_rules(*key: str) -> tuple[Refusal, ...]:
    """What holds for every dated fact: it says what it is about, and from when on it could be known."""
    about = ", ".join(f"{name} {{}}" for name in key)
    return (
        Refusal(
            "missing_key",
            pl.any_horizontal(pl.col(name).is_null() for name in key),
            told(f"the row does not say what it is about: {about}", *key),
        ),
        Refusal(
            "missing_available_at",
            pl.col("available_at").is_null(),
            pl.lit("available_at is missing: nothing says when the row could be known"),
        ),
        Refusal(
            "known_before_available",
            pl.col("known_on") < pl.col("available_at").dt.date(),
            told("delivered as known on {}, but available only at {}", "known_on", "available_at"),
        ),
    )


def finite_rule(*columns: str) -> Refusal:
    """A number that is given is a number."""
    found = ", ".join(f"{name} {{}}" for name in columns)
    return Refusal(
        "not_finite",
        pl.any_horizontal((~pl.col(name).is_finite()).fill_null(value=False) for name in columns),
        told(f"{found}; a value must be a finite number", *columns),
    )


def text_rule(column: str) -> Refusal:
    """A text that must be there has letters."""
    return Refusal(
        f"empty_{column}",
        pl.col(column).is_null() | (pl.col(column).str.strip_chars() == ""),
        pl.lit(f"{column} is empty: the row tells nothing"),
    )


def without_repetition(rows: Frame, key: Sequence[str], content: Sequence[str]) -> Frame:
    """Of rows with one key the first known is kept; one that comes later repeats it or contradicts it.

    Rows that contradict each other at one instant are all refused: nothing says which of them was meant.
    """

    def judge(some: Frame) -> Frame:
        apart = ruled(some, [_clash((*key, "available_at"), content, key)])
        return among_open(apart, lambda rest: ruled(in_time(rest), _repeats(key, content)))

    return among_repeated(rows, key, judge)


def in_time(rows: Frame) -> Frame:
    """Rows in the order in which they were known, those of one instant by delivery and place."""
    return rows.sort("available_at", "delivery", ROW, nulls_last=True)


def changes_judged(
    rows: Frame, key: Sequence[str], group: str, size: pl.Expr, content: Sequence[str], crowded: tuple[str, pl.Expr]
) -> Frame:
    """Judge rows that say from when on something holds (`holds`), or no longer does.

    key      columns that name what holds
    group    the column within which what holds at one instant must not exceed 1 in total
    size     how much a row that holds adds to its group, without nulls
    content  columns beside `holds` whose change is news
    crowded  name and reason for rows that would raise the total of their group above 1; they are refused together
    """
    missing = Refusal(
        "missing_holds", pl.col("holds").is_null(), pl.lit("the row does not say whether it begins or ends")
    )
    told_twice = (*content, "holds")
    same_instant = [*key, "available_at"]
    rows = ruled(rows, [missing])
    rows = among_repeated(rows, same_instant, lambda some: ruled(some, [_clash(same_instant, told_twice, key)]))
    rows = among_repeated(rows, same_instant, lambda some: ruled(in_time(some), _repeats(same_instant, told_twice)[:1]))

    def judge(some: Frame) -> Frame:
        crowd = _crowd(some.with_columns(_size=pl.when("holds").then(size).otherwise(0.0)), key, group)
        full = Refusal(crowded[0], pl.col(ROW).is_in(crowd.implode()), crowded[1])
        return among_open(ruled(some, [full]), lambda rest: ruled(in_time(rest), _idle(key, content)))

    return among_open(rows, judge)


def _clash(same: Sequence[str], content: Sequence[str], key: Sequence[str]) -> Refusal:
    about, found = ", ".join(["{}"] * len(key)), ", ".join(f"{name} {{}}" for name in content)
    return Refusal(
        "contradiction",
        pl.struct(content).n_unique().over(same) > 1,
        told(f"at the same instant another row for {about} says otherwise; this one has {found}", *key, *content),
    )


def _repeats(key: Sequence[str], content: Sequence[str]) -> list[Refusal]:
    """Rules on rows in time order."""
    again = pl.int_range(pl.len()).over(key) > 0
    alike = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).first().over(key)) for name in content)
    about, found = ", ".join(["{}"] * len(key)), ", ".join(f"{name} {{}}" for name in content)
    copy = told("the same row was delivered before; this copy comes from {}", "delivery")
    other = told(f"an earlier row for {about} says otherwise; this one has {found}", *key, *content)
    return [Refusal("duplicate", again & alike, copy), Refusal("contradiction", again & ~alike, other)]


def _idle(key: Sequence[str], content: Sequence[str]) -> list[Refusal]:
    """Rules on changes in time order: one that changes nothing, and an end without a beginning."""
    held = pl.col("holds").shift(1).over(key).fill_null(value=False)
    alike = pl.all_horizontal(
        pl.lit(value=True), *(pl.col(name).eq_missing(pl.col(name).shift(1).over(key)) for name in content)
    )
    about = ", ".join(["{}"] * len(key))
    same = told(f"what it tells of {about} held already; this copy comes from {{}}", *key, "delivery")
    early = told(f"{about} ends at {{}}, but did not hold before", *key, "available_at")
    return [
        Refusal("duplicate", pl.col("holds") & held & alike, same),
        Refusal("end_before_beginning", ~pl.col("holds") & ~held, early),
    ]


def _crowd(rows: Frame, key: Sequence[str], group: str) -> pl.Series:
    """Numbers of the rows that raise their group above 1, when each is judged by those accepted before it.

    Round after round the first instant at which a group is too full gives up what it raised, and what comes later is
    counted anew without it.
    """
    found: list[pl.Series] = [pl.Series(ROW, [], dtype=rows.schema[ROW])]
    while rows.height:
        step = pl.col("_size") - pl.col("_size").shift(1).over(key).fill_null(0.0)
        stepped = in_time(rows).with_columns(_step=step)
        totals = stepped.group_by(group, "available_at").agg(pl.col("_step").sum()).sort("available_at")
        full = totals.filter(pl.col("_step").cum_sum().over(group) > 1 + WEIGHT_TOLERANCE)
        first = full.group_by(group).agg(pl.col("available_at").min())
        raised = stepped.join(first, on=[group, "available_at"], how="semi").filter(pl.col("_step") > 0)[ROW]
        found.append(raised)
        rows = rows.join(first, on=group, how="semi").filter(~pl.col(ROW).is_in(raised.implode()))
    return pl.concat(found)
