"""An index on the record, which only grows: built while others go on appending."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0009_retention_export_and_erasure")]
    operations = [
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["organization_id", "action", "-sequence"], name="audit_action"),
        )
    ]
