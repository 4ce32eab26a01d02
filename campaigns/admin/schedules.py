from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, MultipleChoicesDropdownFilter

from campaigns.admin.base import EditPage
from campaigns.admin.unfolded import display
from campaigns.models import DaypartingSchedule


@admin.register(DaypartingSchedule)
class ScheduleAdmin(EditPage):
    list_display = ("campaign", "brand", "day_of_week", "start_time", "end_time", "is_active")
    list_select_related = ("campaign__brand",)
    list_filter = (
        ("day_of_week", MultipleChoicesDropdownFilter),
        "is_active",
        ("campaign__brand", AutocompleteSelectFilter),
    )
    search_fields = ("campaign__name", "campaign__brand__name")
    autocomplete_fields = ("campaign",)
    fixed = ("campaign",)

    def brand_id(self, edited: DaypartingSchedule) -> int:
        return edited.campaign.brand_id

    @display(description="Brand", ordering="campaign__brand__name")
    def brand(self, schedule: DaypartingSchedule) -> str:
        return schedule.campaign.brand.name
