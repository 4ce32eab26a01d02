"""Which campaign each name of a file means: by the platform's ID first, then by the exact name, within the brand.

Names that differ only by case or spaces are two names; the other one is pointed out. All of it happens on the staging
sheet, on a copy of the brands' campaigns: no query a name, and nothing in the ledger's database is changed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Field

from campaigns.importing.amounts import may_mean
from campaigns.models import Brand, Campaign
from campaigns.staging import Sheet, sliced

# Brands looked up in one query.
BRANDS_PER_QUERY = 1_000
# By Unicode: control characters and breaks of lines and paragraphs; embeddings, overrides and isolates of direction.
CONTROLS = {"Cc", "Zl", "Zp"}
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@dataclass(frozen=True, slots=True)
class NewBrands:
    """What a brand that the import makes gets, beside its name and the currency that the file may state."""

    timezone: ZoneInfo
    currency: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What an import makes where the file names something that is not there. Campaigns of new brands are new, too."""

    campaigns: bool = False
    brands: NewBrands | None = None


def match_names(sheet: Sheet, missing: Missing) -> None:
    """Say of each name on the sheet which campaign it means, or why none.

    A campaign without an external ID, whose name just one ID of the file bears, is that ID's and takes it over. What
    `missing` allows is put down as to be made.
    """
    sheet.lend("quoted", repr)
    sheet.lend("fold", fold)
    sheet.lend("beside", beside)
    sheet.lend("may_mean", may_mean)
    _match_brands(sheet, missing.brands)
    _refuse_other_currencies(sheet)
    _copy_campaigns(sheet)
    _match_campaigns(sheet)
    if not sheet.value("select exists (select 1 from label where unmatched)"):
        return
    _link_ids(sheet)
    _match_campaigns(sheet)
    _refuse_taken_names(sheet)
    if missing.campaigns:
        _add_campaigns(sheet)
        _match_campaigns(sheet)
    _fold_names(sheet)
    _refuse_unknown_names(sheet)


def fold(name: str) -> str:
    """The name without what is easily overlooked: case, spaces, and which of several like characters it is."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def beside(near: str, name: str) -> str:
    """A near name, quoted; with its code points where it looks just like the other name."""
    alike = unicodedata.normalize("NFC", near) == unicodedata.normalize("NFC", name)
    return f"{near!r}, that is {near!a}, not {name!a}" if alike else repr(near)


def _match_brands(sheet: Sheet, new_brands: NewBrands | None) -> None:
    for names in sliced(sheet.select("select distinct brand from label"), BRANDS_PER_QUERY):
        found = Brand.objects.filter(name__in=[name for (name,) in names]).values_list(
            "name", "pk", "timezone", "currency"
        )
        sheet.run_many(
            "insert into brand (name, brand_id, zone, currency) values (?, ?, ?, ?)",
            [(name, pk, zone.key, currency) for name, pk, zone, currency in found],
        )
    unknown = list(sheet.select("select distinct brand from label except select name from brand"))
    if not unknown:
        return
    known = {fold(name): name for name in Brand.objects.values_list("name", flat=True)}
    for (name,) in unknown:
        near = known.get(fold(name), "")
        if new_brands is None:
            other = f" There is {beside(near, name)}, which is written differently." if near else ""
            _refuse_brand(sheet, name, "brand", f"there is no brand {name!r}.{other}")
        else:
            _add_brand(sheet, name, near, new_brands)


def _add_brand(sheet: Sheet, name: str, near: str, new_brands: NewBrands) -> None:
    """Put down a brand that is missing, in the currency that its rows state."""
    stated = [
        currency
        for (currency,) in sheet.select(
            "select distinct currency from label where brand = ? and currency <> '' order by currency", name
        )
    ]
    if len(stated) > 1:
        reason = f"{name} is a new brand, and its rows are in {' and '.join(stated)}: make it first, with one of them."
        _refuse_brand(sheet, name, "currency", reason)
        return
    if fault := _control_in(name):
        _refuse_brand(sheet, name, "brand", fault)
        return
    brand = Brand(name=name, timezone=new_brands.timezone, currency=stated[0] if stated else new_brands.currency)
    try:
        brand.clean_fields()
    except ValidationError as error:
        field, reasons = next(iter(error.message_dict.items()))
        _refuse_brand(sheet, name, "currency" if field == "currency" else "brand", " ".join(reasons))
        return
    values = (name, new_brands.timezone.key, brand.currency, near)
    sheet.run("insert into brand (name, zone, currency, near, is_new) values (?, ?, ?, ?, 1)", *values)


def _refuse_brand(sheet: Sheet, name: str, field: str, reason: str) -> None:
    sheet.run("update label set field = ?, problem = ? where brand = ?", field, reason, name)


def _refuse_other_currencies(sheet: Sheet) -> None:
    sheet.run("""
        update label set
            field = 'currency',
            problem = quoted(label.currency) || ' is not the currency of ' || brand.name || ', ' || brand.currency
                || '.'
        from brand
        where brand.name = label.brand and label.currency not in ('', brand.currency) and problem is null
    """)
    sheet.run("""
        update label set
            field = 'amount',
            problem = quoted(mark) || ' is no mark of ' || brand.currency || ', the currency of ' || brand.name
                || ': import these amounts for a brand in their currency, or take the mark out if it is wrong.'
        from brand
        where brand.name = label.brand and mark <> '' and not may_mean(mark, brand.currency) and problem is null
    """)


def _copy_campaigns(sheet: Sheet) -> None:
    """Copy the campaigns of the file's brands, a brand's together and by id: the order in which the ledger locks."""
    brands = sheet.select("select brand_id from brand where brand_id is not null order by brand_id")
    for batch in sliced(brands, BRANDS_PER_QUERY):
        sheet.run_many(
            "insert into campaign (campaign_id, brand, name, external_id) values (?, ?, ?, ?)",
            _campaigns_of([brand_id for (brand_id,) in batch]),
        )
    sheet.run("create unique index campaign_name on campaign (brand, name)")
    sheet.run("create unique index campaign_external_id on campaign (brand, external_id) where external_id <> ''")


def _campaigns_of(brand_ids: list[int]) -> Iterator[tuple[int, str, str, str]]:
    campaigns = Campaign.objects.filter(brand__in=brand_ids).order_by("brand_id", "pk")
    return campaigns.values_list("pk", "brand__name", "name", "external_id").iterator(chunk_size=10_000)


def _match_campaigns(sheet: Sheet) -> None:
    sheet.run("""
        update label set campaign = (
            select id from campaign where brand = label.brand and external_id = label.external_id
        ) where external_id <> '' and unmatched
    """)
    sheet.run("""
        update label set campaign = (select id from campaign where brand = label.brand and name = label.name)
        where external_id = '' and unmatched
    """)


def _link_ids(sheet: Sheet) -> None:
    """Give external IDs to campaigns that have none and are meant by name, where one ID and one campaign pair up."""
    sheet.run("""
        update campaign set external_id = pair.external_id, linked = 1
        from (
            select id, external_id,
                count(*) over (partition by id) as ids,
                count(*) over (partition by brand, external_id) as campaigns
            from (
                select distinct campaign.id, label.brand, label.external_id
                from label join campaign on campaign.brand = label.brand and campaign.name = label.name
                where label.external_id <> '' and campaign.external_id = '' and unmatched
            )
        ) as pair
        where pair.id = campaign.id and pair.ids = 1 and pair.campaigns = 1
    """)


def _refuse_taken_names(sheet: Sheet) -> None:
    """Refuse each ID that bears another campaign's name, by all its names: made by one of them it would mean all."""
    sheet.run("""
        update label set field = 'campaign', problem = case taken.other_id
            when '' then 'several campaigns of the file may be ' || quoted(taken.name)
                || ': give that one its external ID first.'
            else quoted(taken.name) || ' has the external ID ' || quoted(taken.other_id) || ', not '
                || quoted(label.external_id) || ': it is another campaign. Rename one of them.'
            end
        from (
            select label.brand, label.external_id, min(campaign.name) as name, campaign.external_id as other_id
            from label join campaign on campaign.brand = label.brand and campaign.name = label.name
            where label.external_id <> '' and unmatched group by label.brand, label.external_id
        ) as taken
        where taken.brand = label.brand and taken.external_id = label.external_id and unmatched
    """)


def _add_campaigns(sheet: Sheet) -> None:
    """Put down the campaigns that are missing, an ID's by the name that it bears last."""
    sheet.lend("name_fault", lambda name: _fault(Campaign.name.field, name))
    sheet.lend("id_fault", lambda external_id: _fault(Campaign.external_id.field, external_id))
    sheet.run("update label set field = 'campaign', problem = name_fault(name) where unmatched")
    sheet.run("update label set field = 'external_id', problem = id_fault(external_id) where unmatched")
    sheet.run("create table candidate (brand text, external_id text, name text)")
    sheet.run("""
        insert into candidate select brand, external_id, name from (
            select *, row_number() over (partition by brand, external_id order by last desc, id desc) as place from (
                select label.*, max(row.day) as last from label join row on row.label = label.id
                where external_id <> '' and unmatched group by label.id
            )
        ) where place = 1
    """)
    sheet.run("""
        update label set field = 'campaign', problem = 'several IDs of the file are called ' || quoted(twice.name)
            || ': names are unique in a brand, so rename them or make these campaigns first.'
        from candidate join (
            select brand, name from candidate group by brand, name having count(*) > 1
        ) as twice on twice.brand = candidate.brand and twice.name = candidate.name
        where label.brand = candidate.brand and label.external_id = candidate.external_id and unmatched
    """)
    sheet.run("""
        insert into campaign (brand, name, external_id, is_new)
        select brand, name, max(external_id), 1 from candidate group by brand, name having count(*) = 1
    """)
    sheet.run("""
        insert or ignore into campaign (brand, name, external_id, is_new)
        select distinct brand, name, '', 1 from label where external_id = '' and unmatched
    """)


def _control_in(text: str) -> str | None:
    """Why this is no name: it breaks lines, steers a terminal or turns text around, and looks like another."""
    for char in "" if text.isprintable() else text:
        if unicodedata.category(char) in CONTROLS or unicodedata.bidirectional(char) in TURNS:
            return f"{text!r} has the control character U+{ord(char):04X} in it: take it out."
    return None


def _fault(field: Field[Any, Any], value: str) -> str | None:
    """Why the field should not hold this, in words."""
    if control := _control_in(value):
        return control
    try:
        field.clean(value, None)
    except ValidationError as error:
        return " ".join(error.messages)
    return None


def _fold_names(sheet: Sheet) -> None:
    sheet.run("update campaign set folded = fold(name)")
    sheet.run("create index campaign_folded on campaign (brand, folded)")


def _refuse_unknown_names(sheet: Sheet) -> None:
    sheet.run("""
        update label set field = 'campaign', problem = brand || ' has no campaign ' || quoted(name) || '.' || coalesce((
            select ' It has ' || beside(campaign.name, label.name) || ', which is written differently.' from campaign
            where campaign.brand = label.brand and campaign.folded = fold(label.name) limit 1
        ), '') where unmatched
    """)
