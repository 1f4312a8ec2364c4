"""When a conversation was last named, archived or shared, beside when something was last said in it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0006_retention_and_pseudonyms")]
    operations = [
        migrations.AddField(
            "conversation",
            "changed_at",
            models.DateTimeField(
                editable=False,
                help_text="When its owner last named, archived or shared it; lists do not go by it.",
                null=True,
            ),
        )
    ]
