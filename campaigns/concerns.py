"""What needs attention now, of brands and of campaigns, and why, in a sentence each. Read-only.

Brands are few, and all of them are held against their budgets and plans. Of campaigns there may be a hundred thousand:
`candidates.py` finds the LOOKED_AT of each kind that are worst by what their rows say; then their hours, days and
entries are read, and those of which there is nothing to tell fall away. So the number of queries is fixed, and what is
told is exact; what may be missed lies beyond the worst LOOKED_AT of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, F

from campaigns import outlook
from campaigns.candidates import BRAND_BUDGETS, NOT_BY_OWN_BUDGET, OWN_BUDGETS
from campaigns.desk import ENDING_DAYS, Standing
from campaigns.holds import Hold
from campaigns.models import Brand, Campaign
from campaigns.money import ZERO, format_money
from campaigns.outlook import Outlook
from campaigns.pacing import Status as PaceStatus
from campaigns.periods import ONE_DAY, LocalClock, next_day_start, next_month_start
from campaigns.rules import DAILY, MONTHLY
from campaigns.silence import silences

Status = Campaign.Status

# Of each kind, so many brands and as many campaigns are shown; and so many campaigns looked at, of which so many
# forecast: each of these reads 400 days.
SHOWN, LOOKED_AT, FORECAST = 5, 20, 8
# Who is off pace, by kind, and how many of them are forecast.
OFF_PACE = {
    "ahead": ({PaceStatus.AHEAD}, FORECAST),
    "behind": ({PaceStatus.BEHIND, PaceStatus.STOPPED}, SHOWN + 1),
}


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs attention, and why."""

    brand_id: int
    brand_name: str
    campaign_id: int | None  # None: the brand itself
    campaign_name: str | None
    sentence: str
    act: str  # what a person may do about it, in a word or two
    field: str = ""  # of the form of the campaign, or brand, in which that is done
    pause: str = ""  # how pausing it at once is called, where that is sensible too


@dataclass(frozen=True, slots=True)
class Concerns:
    """Those of one kind, brands first, the worst first; `more` says that not all are shown."""

    kind: str
    title: str
    shown: list[Concern] = field(default_factory=list)
    more: bool = False


def concerns(
    candidates: Mapping[str, Sequence[int]], standings: Collection[Standing], *, at: datetime
) -> list[Concerns]:
    """What needs attention at `at`, the most urgent kinds first; kinds of which there is nothing are left out.

    `candidates` are the campaigns to look at, by kind, as `off_pace` leaves them; all that is told of them is of `at`.
    `standings` are of then too, of all brands that they may belong to.
    """
    brands, look = _Brands(standings, at), _Campaigns(candidates, standings, at)
    kinds = (
        ("overspent", "Over budget", brands.overspent(), look.overspent()),
        ("ahead", "Will reach the monthly budget early", brands.ahead(), look.ahead()),
        ("behind", "Behind pace", brands.behind(), look.behind()),
        ("silent", "No spend seen", (), look.silent()),
        ("paused", "Paused by a budget", brands.paused(), look.paused()),
        ("ending", "Ends soon", (), look.ending()),
    )
    found = []
    for kind, title, *both in kinds:
        told = [_some(each) for each in both]
        shown = [concern for few in told for concern in few[:SHOWN]]
        if shown:
            found.append(Concerns(kind, title, shown, more=any(len(few) > SHOWN for few in told)))
    return found


def off_pace(
    candidates: Mapping[str, Sequence[int]], brands: Collection[Brand], *, at: datetime
) -> dict[str, Sequence[int]]:
    """What `Candidates.worst` found, without those that keep their pace by their own hours; few enough to forecast."""
    ids = {pk for kind in OFF_PACE for pk in candidates[kind]}
    statuses = outlook.pace_statuses(_campaigns_of(brands, ids), at=at)
    few = {
        kind: [pk for pk in candidates[kind] if statuses.get(pk) in wanted][:most]
        for kind, (wanted, most) in OFF_PACE.items()
    }
    return {**candidates, **few}


def _campaigns_of(brands: Iterable[Brand], ids: Collection[int]) -> list[Campaign]:
    """With their brands; those of other brands are left out."""
    known = {brand.pk: brand for brand in brands}
    found = [each for each in Campaign.objects.filter(pk__among=ids).order_by() if each.brand_id in known]
    for campaign in found:
        campaign.brand = known[campaign.brand_id]
    return found


def _some(told: Iterable[Concern]) -> list[Concern]:
    """As many as are shown, and one more if there is one."""
    some: list[Concern] = []
    for concern in told:
        some.append(concern)
        if len(some) > SHOWN:
            break
    return some


class _Brands:
    """Brands against their budgets and plans. A query for the days of the few that are told, and one for what they
    hold.
    """

    def __init__(self, standings: Collection[Standing], at: datetime) -> None:
        self.at = at
        self.standings = standings
        self.reached = {standing.brand.pk: names for standing in standings if (names := _reached_of(standing))}
        running = [standing for standing in standings if standing.runs and standing.brand.pk not in self.reached]
        self.most_ahead = _furthest(running, lambda standing: standing.off_plan)[:FORECAST]
        self.most_behind = _furthest(running, lambda standing: -standing.off_plan)[: SHOWN + 1]
        few = [standing.brand for standing in (*self.most_ahead, *self.most_behind)]
        self.outlooks = outlook.of_brands(few, at=at) if few else {}
        self.holding = [standing for standing in standings if standing.runs and standing.brand.pk in self.reached]
        self.holding.sort(key=lambda standing: (-_most_over(standing.brand, standing.clock), standing.brand.name))

    def overspent(self) -> Iterator[Concern]:
        reached = [standing for standing in self.standings if standing.brand.pk in self.reached]
        over = [standing for standing in reached if _most_over(standing.brand, standing.clock) > 1]
        for standing in sorted(over, key=lambda each: (-_most_over(each.brand, each.clock), each.brand.name)):
            said = _overspent(standing.brand, standing.brand.currency, standing.clock)
            # Raised is what it is over by most.
            yield _of_brand(standing.brand, said, "Raise the budget", _field_most_over(standing.brand, standing.clock))

    def ahead(self) -> Iterator[Concern]:
        for standing in self.most_ahead:
            brand = standing.brand
            if said := _ahead(self.outlooks[brand.pk], brand.monthly_budget, brand.currency):
                yield _of_brand(brand, said, "Change the budget", "monthly_budget")

    def behind(self) -> Iterator[Concern]:
        for standing in self.most_behind:
            brand = standing.brand
            if said := _behind(self.outlooks[brand.pk], brand.monthly_budget, brand.currency):
                yield _of_brand(brand, said, "Look")

    def paused(self) -> Iterator[Concern]:
        shown = self.holding[: SHOWN + 1]
        if not shown:
            return
        held = dict(
            Campaign.objects.filter(brand__among=[standing.brand.pk for standing in shown], status=Status.PAUSED)
            .order_by()
            .alias(by_brand=F("holds").bitand(BRAND_BUDGETS.value))
            .filter(by_brand__gt=0)
            .values_list("brand_id")
            .annotate(Count("pk"))
        )
        for standing in shown:
            brand, names = standing.brand, self.reached[standing.brand.pk]
            spent, budget = getattr(brand, f"{names[-1]}_spend"), getattr(brand, f"{names[-1]}_budget")
            reached = Hold.BRAND_MONTHLY_BUDGET if names[-1] == MONTHLY.name else Hold.BRAND_DAILY_BUDGET
            said = f"{names[-1].capitalize()} budget of {format_money(budget, brand.currency)} reached"
            said += f" ({format_money(spent, brand.currency)})."
            if count := held.get(brand.pk):
                said += f" It holds {_campaigns(count)}."
            said += f" {_back(brand.timezone, reached, self.at)}"
            yield _of_brand(brand, said, "Raise the budget", f"{names[-1]}_budget")


class _Campaigns:
    """Campaigns: a query for their rows, and some more for what they are told by."""

    def __init__(self, candidates: Mapping[str, Sequence[int]], standings: Collection[Standing], at: datetime) -> None:
        self.at = at
        self.clocks = {standing.brand.timezone: standing.clock for standing in standings}
        ids = {pk for found in candidates.values() for pk in found}
        known = {each.pk: each for each in _campaigns_of((standing.brand for standing in standings), ids)}
        self.found = {
            kind: [known[pk] for pk in found if pk in known and self._is_still(kind, known[pk])]
            for kind, found in candidates.items()
        }
        self.outlooks = outlook.of_campaigns([*self.found["ahead"], *self.found["behind"]], at=self.at)

    def _is_still(self, kind: str, campaign: Campaign) -> bool:
        """Whether it may be told as that kind: it was found a while ago, perhaps, and people have acted since."""
        if kind == "ending":
            last = self._clock(campaign).today + ENDING_DAYS * ONE_DAY
            begun = campaign.status in {Status.ACTIVE, Status.PAUSED}
            return begun and campaign.end_date is not None and campaign.end_date <= last
        if kind == "paused":
            holds = campaign.hold_set
            return campaign.status == Status.PAUSED and bool(holds & OWN_BUDGETS) and not holds & NOT_BY_OWN_BUDGET
        if kind in {"silent", "ahead"}:
            return campaign.status == Status.ACTIVE
        if kind == "behind":
            return campaign.status == Status.ACTIVE or campaign.hold_set == Hold.DAYPARTING
        return campaign.status != Status.COMPLETED

    def _off_pace(self, kind: str) -> list[Campaign]:
        """Those of the kind of whom it still holds."""
        wanted, _ = OFF_PACE[kind]
        paces = {campaign.pk: self.outlooks[campaign.pk].pace for campaign in self.found[kind]}
        return [each for each in self.found[kind] if (pace := paces[each.pk]) is not None and pace.status in wanted]

    def overspent(self) -> Iterator[Concern]:
        for campaign in self.found["overspent"]:
            clock = self._clock(campaign)
            if said := _overspent(campaign, campaign.brand.currency, clock):
                yield _of_campaign(
                    campaign, said, "Raise the budget", _field_most_over(campaign, clock), _pause(campaign)
                )

    def ahead(self) -> Iterator[Concern]:
        for campaign in self._off_pace("ahead"):
            if said := _ahead(self.outlooks[campaign.pk], campaign.monthly_budget, campaign.brand.currency):
                yield _of_campaign(campaign, said, "Change the budget", "monthly_budget", _pause(campaign))

    def behind(self) -> Iterator[Concern]:
        for campaign in self._off_pace("behind"):
            if said := _behind(self.outlooks[campaign.pk], campaign.monthly_budget, campaign.brand.currency):
                yield _of_campaign(campaign, said, "Look")

    def silent(self) -> Iterator[Concern]:
        """Those longest silent first, in the hours in which they ran and were open."""
        for silence in silences(self.found["silent"], at=self.at):
            yield _of_campaign(silence.campaign, silence.sentence, "Look")

    def paused(self) -> Iterator[Concern]:
        for campaign in self.found["paused"]:
            holds = campaign.hold_set
            said = f"{holds.label}. {_back(campaign.brand.timezone, holds, self.at)}"
            yield _of_campaign(campaign, said, "Raise the budget", _budget_reached(holds))

    def ending(self) -> Iterator[Concern]:
        for campaign in self.found["ending"]:
            said = f"Its last day is {campaign.end_date:%a %-d %b}."
            if campaign.total_budget is not None:
                amounts = (campaign.total_spend, campaign.total_budget)
                spent, budget = (format_money(amount, campaign.brand.currency) for amount in amounts)
                said += f" {spent} of {budget} spent."
            yield _of_campaign(campaign, said, "Change the end", "end_date")

    def _clock(self, campaign: Campaign) -> LocalClock:
        return self.clocks[campaign.brand.timezone]


def _furthest(standings: Iterable[Standing], off: Callable[[Standing], Decimal]) -> list[Standing]:
    """Those that are off their plan this way, the furthest first by the part of their budget."""
    found = [
        (off(standing) / standing.brand.monthly_budget, standing)
        for standing in standings
        if standing.brand.monthly_budget is not None and off(standing) > 0
    ]
    return [standing for _part, standing in sorted(found, key=lambda each: (-each[0], each[1].brand.name))]


def _budgets(of: Brand | Campaign, clock: LocalClock) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Each budget there is: its name, when it is of, and what is spent of how much."""
    for period, when in ((DAILY, "today"), (MONTHLY, "this month")):
        budget: Decimal | None = getattr(of, f"{period.name}_budget")
        if budget is not None:
            yield period.name, when, period.current_spend(of, clock), budget
    if isinstance(of, Campaign) and of.total_budget is not None:
        yield "total", "in all", of.total_spend, of.total_budget


def _overspent(of: Brand | Campaign, currency: str, clock: LocalClock) -> str:
    said = [
        f"{format_money(spent, currency)} of {format_money(budget, currency)} {when}"
        for _name, when, spent, budget in _budgets(of, clock)
        if spent > budget
    ]
    return f"Spent {', and '.join(said)}." if said else ""


def _most_over(of: Brand | Campaign, clock: LocalClock) -> Decimal:
    return max((spent / budget for _name, _when, spent, budget in _budgets(of, clock)), default=ZERO)


def _field_most_over(of: Brand | Campaign, clock: LocalClock) -> str:
    return max((spent / budget, f"{name}_budget") for name, _when, spent, budget in _budgets(of, clock))[1]


def _reached_of(standing: Standing) -> list[str]:
    """The budgets of the brand that are reached (R12); the one that holds longest last."""
    return [name for name, _when, spent, budget in _budgets(standing.brand, standing.clock) if spent >= budget]


def _ahead(seen: Outlook, budget: Decimal | None, currency: str) -> str:
    if budget is None or not seen.days_early or seen.forecast is None:
        return ""
    said = f"{format_money(budget, currency)} will be spent by {seen.forecast.budget_day:%a %-d %b}"
    return f"{said}, {'a day' if seen.days_early == 1 else f'{seen.days_early} days'} early."


def _behind(seen: Outlook, budget: Decimal | None, currency: str) -> str:
    if seen.pace is None or seen.expected is None or budget is None:
        return ""
    said = f"Spent {format_money(seen.pace.spent, currency)} of the {format_money(seen.expected, currency)} due by now."
    if seen.pace.daily_to_land:
        said += f" {format_money(seen.pace.daily_to_land, currency)} a day would land on "
        said += f"{format_money(budget, currency)}."
    return said


def _back(zone: ZoneInfo, holds: Hold, at: datetime) -> str:
    if holds & Hold.TOTAL_BUDGET:
        return "It does not come back by itself."
    back = next_month_start(zone, at) if holds & Hold.MONTHLY_BUDGETS else next_day_start(zone, at)
    return f"Back on {back.astimezone(zone):%a %-d %b at %H:%M} {zone.key} at the earliest."


def _budget_reached(holds: Hold) -> str:
    """The field of the budget that holds longest: raising another would let nothing run."""
    for hold in (Hold.TOTAL_BUDGET, Hold.MONTHLY_BUDGET):
        if hold in holds:
            return str(hold.name).lower()
    return "daily_budget"


def _pause(campaign: Campaign) -> str:
    """How pausing is called; empty where a person has paused it already, or nothing will let it run again."""
    if campaign.status == Status.ACTIVE:
        return "Pause"
    comes_back = not campaign.hold_set & (Hold.MANUAL | Hold.TOTAL_BUDGET)
    return "Keep it paused" if campaign.status == Status.PAUSED and comes_back else ""


def _of_campaign(campaign: Campaign, said: str, act: str, name: str = "", pause: str = "") -> Concern:
    return Concern(campaign.brand_id, campaign.brand.name, campaign.pk, campaign.name, said, act, name, pause)


def _of_brand(brand: Brand, said: str, act: str, name: str = "") -> Concern:
    return Concern(brand.pk, brand.name, None, None, said, act, name)


def _campaigns(count: int) -> str:
    return "a campaign" if count == 1 else f"{count:,} campaigns"
