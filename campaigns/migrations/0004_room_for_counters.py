from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Brands' counters and today's rows change with every batch of spend, in columns that no index knows. Where a page has
# room for a row's next version, PostgreSQL need not enter it into any of the table's indexes anew. Campaigns make that
# room by themselves: their rows are many, and none is new each day.
TABLES = ("campaigns_brand", "campaigns_dailyspend")


def leave_room(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 80)")


def fill_up(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_spendimport")]

    operations = [migrations.RunPython(leave_room, fill_up)]
