"""An organization may forbid share links; the version before writes none of it and allows them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_a_scope_for_coaches")]
    operations = [
        migrations.AddField(
            "organization",
            "allows_share_links",
            models.BooleanField(
                "share links",
                default=True,
                db_default=True,
                help_text="People may let others read a part of their conversation by a link, without signing in. "
                "Without it no link can be made, and those that there are open nothing.",
            ),
        )
    ]
