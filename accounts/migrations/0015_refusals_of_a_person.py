"""An index on the few lines of the record that are counted before another is written."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0014_scope_for_personas")]
    operations = [
        AddIndexConcurrently(
            "auditevent",
            models.Index(
                fields=["actor_id", "-at"],
                condition=models.Q(action="conversation.refused"),
                name="audit_refused",
            ),
        )
    ]
