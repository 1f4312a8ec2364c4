"""A key of a coach may have a scope for the coach's AI.

The rule is wider, so what the version before writes stays good; no key that there is has it.
"""

from django.db import migrations, models

SCOPES = ["read", "write", "account", "coach", "persona", "documents", "admin", "organization"]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_scopes_for_accounts_and_organizations")]
    operations = [
        migrations.RemoveConstraint("apitoken", "token_scopes_known"),
        migrations.AddConstraint(
            "apitoken",
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=SCOPES) & ~models.Q(scopes=[]),
                name="token_scopes_known",
            ),
        ),
    ]
