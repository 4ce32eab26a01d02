"""django-unfold's classes and decorators, which publish no types, under Django's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as DjangoModelAdmin
    from django.contrib.admin import TabularInline as DjangoTabularInline

    class ModelAdmin(DjangoModelAdmin[Any]):
        actions_detail: tuple[str, ...]
        actions_submit_line: tuple[str, ...]
        list_filter_submit: bool
        list_fullwidth: bool
        warn_unsaved_form: bool

    class TabularInline(DjangoTabularInline[Any, Any]): ...

    def action(
        *, description: str, permissions: Iterable[str], url_path: str | None = None, icon: str | None = None
    ) -> Callable[[Method], Method]: ...

    def display(
        *,
        description: str,
        ordering: str = "",
        empty_value: str = "",
        label: dict[str, str] | None = None,
        header: bool = False,
    ) -> Callable[[Method], Method]: ...

else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action, display

__all__ = ["ModelAdmin", "TabularInline", "action", "display"]
