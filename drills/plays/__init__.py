"""The drills. Each module here has its own in `DRILLS`."""

from __future__ import annotations

import importlib
import pkgutil

from drills.drill import Drill


def all_drills() -> dict[str, Drill]:
    """Every drill by its name, in the order of modules."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    return {drill.name: drill for module in modules for drill in module.DRILLS}
