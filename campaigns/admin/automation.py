"""The beat schedule and the task results, in this admin's look."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin as BaseClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_celery_results.admin import GroupResultAdmin as BaseGroupResultAdmin
from django_celery_results.admin import TaskResultAdmin as BaseTaskResultAdmin
from django_celery_results.models import GroupResult, TaskResult
from kombu.exceptions import OperationalError as BrokerError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.unfolded import ModelAdmin, action
from campaigns.outages import broker_address

for model in (PeriodicTask, CrontabSchedule, IntervalSchedule, ClockedSchedule, SolarSchedule, TaskResult, GroupResult):
    admin.site.unregister(model)


class StyledTaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    pass


class StyledPeriodicTaskForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = StyledTaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, ModelAdmin):
    form = StyledPeriodicTaskForm
    # Its own has a script in the page, which the Content-Security-Policy keeps from running; without it, the page has a
    # field more, which says the crontab in words.
    change_form_template: ClassVar[Any] = None

    # Its own four actions ask for no permission: who may look could switch the whole engine off.
    enable_tasks = action(description="Enable", permissions=["change"])(BasePeriodicTaskAdmin.enable_tasks)
    disable_tasks = action(description="Disable", permissions=["change"])(BasePeriodicTaskAdmin.disable_tasks)
    toggle_tasks = action(description="Toggle: enable or disable", permissions=["change"])(
        BasePeriodicTaskAdmin.toggle_tasks
    )

    @action(description="Run now", permissions=["change"])
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        try:
            super().run_tasks(request, queryset)  # type: ignore[no-untyped-call] # as its base
        except BrokerError:
            words = f"The broker at {broker_address()} does not answer: not all of these tasks were sent, if any."
            self.message_user(request, words, messages.ERROR)


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, ModelAdmin):
    pass


@admin.register(IntervalSchedule, SolarSchedule)
class ScheduleKindAdmin(ModelAdmin):
    pass


class Record(ModelAdmin):
    """What a worker wrote of its work: to be read, and thrown away, and not to be written by people."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TaskResult)
class TaskResultAdmin(Record, BaseTaskResultAdmin):
    list_display: Any = ("task_name", "status", "date_done", "worker", "task_id")


@admin.register(GroupResult)
class GroupResultAdmin(Record, BaseGroupResultAdmin):
    pass
