"""The CSV of every command: names stay names and amounts stay numbers in whatever opens it."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
import time_machine
from django.core.management import call_command

from campaigns.ledger import SpendEntry, record_spend
from campaigns.tests.factories import BrandFactory, CampaignFactory, utc

pytestmark = pytest.mark.django_db

NOON = utc("2026-11-21 12:00")
NAMES = [f"{start}1+1" for start in "=+-@\t\r"]


@pytest.mark.parametrize(
    "command",
    [
        ("forecast",),
        ("pacing",),
        ("spend_report",),
        ("spend_report", "--from", "2026-11-01", "--to", "2026-11-21"),
        ("replay", "--from", "2026-11-20", "--to", "2026-11-20", "--set", "campaigns.daily_budget=10"),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_name_that_looks_like_a_formula_is_marked_as_text(command: tuple[str, ...]) -> None:
    brand = BrandFactory.create(name="=Acme")
    for name in NAMES:
        campaign = CampaignFactory.create(brand=brand, name=name)
        yesterday = utc("2026-11-20 12:00")
        record_spend([SpendEntry(campaign.pk, Decimal(40), yesterday)], at=yesterday)
    name, *options = command
    out = io.StringIO(newline="")

    call_command(name, "--brand==Acme", *options, "--format", "csv", stdout=out)

    lines = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    told = [{heading.lower(): value for heading, value in line.items()} for line in lines]
    assert {line["brand"] for line in told} == {"'=Acme"}
    assert {line["campaign"] for line in told} - {""} == {f"'{name}" for name in NAMES}


@pytest.mark.parametrize("command", ["forecast", "pacing", "spend_report"])
@time_machine.travel(NOON, tick=False)
def test_a_table_without_lines_has_the_headings_that_it_has_with_lines(command: str) -> None:
    def headings() -> list[str]:
        out = io.StringIO(newline="")
        call_command(command, "--format", "csv", stdout=out)
        return next(csv.reader(io.StringIO(out.getvalue(), newline="")), [])

    without_brands = headings()
    CampaignFactory.create()

    assert without_brands == headings() != []


def test_a_negative_amount_stays_a_number() -> None:
    campaign = CampaignFactory.create(brand=BrandFactory.create(name="Acme", currency="KWD"))
    for hour, amount in (("08", "5"), ("12", "-2.5")):
        at = utc(f"2026-11-20 {hour}:00")
        record_spend([SpendEntry(campaign.pk, Decimal(amount), at)], at=at)
    out = io.StringIO(newline="")

    with time_machine.travel(NOON, tick=False):
        call_command(
            "replay",
            *("--brand", "Acme", "--from", "2026-11-20", "--to", "2026-11-20", "--windows", "Fri 11:00-13:00"),
            *("--format", "csv"),
            stdout=out,
        )

    (line,) = csv.DictReader(io.StringIO(out.getvalue(), newline=""))
    assert (line["spent"], line["would_have_spent"], line["difference"]) == ("2.500", "0.000", "-2.500")
