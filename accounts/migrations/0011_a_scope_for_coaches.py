"""A key may have a scope for speaking as a coach; the rule is wider, so what the version before writes stays good."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_record_by_action")]
    operations = [
        migrations.RemoveConstraint("apitoken", "token_scopes_known"),
        migrations.AddConstraint(
            "apitoken",
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=["read", "write", "coach", "documents", "admin"])
                & ~models.Q(scopes=[]),
                name="token_scopes_known",
            ),
        ),
    ]
