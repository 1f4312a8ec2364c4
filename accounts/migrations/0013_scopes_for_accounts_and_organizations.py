"""A key may have scopes for its owner's account and for running an organization.

The rule is wider, so what the version before writes stays good; no key that there is has either.
"""

from django.db import migrations, models

SCOPES = ["read", "write", "account", "coach", "documents", "admin", "organization"]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_share_links_may_be_forbidden")]
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
