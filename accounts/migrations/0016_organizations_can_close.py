"""An organization that is closed, because its erasure has begun, needs no administrator any more."""

from django.db import migrations, models

FUNCTION = """
CREATE OR REPLACE FUNCTION accounts_last_administrator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whoever else takes an administrator away waits here, and then counts without this one.
    PERFORM 1 FROM accounts_organization WHERE id = OLD.organization_id FOR NO KEY UPDATE;
    IF {still_open}NOT EXISTS (SELECT FROM accounts_user WHERE organization_id = OLD.organization_id
                   AND role = 'admin' AND is_active AND id <> OLD.id) THEN
        RAISE EXCEPTION 'an organization keeps one active administrator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'last_administrator_stays';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""
STILL_OPEN = """EXISTS (SELECT FROM accounts_organization WHERE id = OLD.organization_id AND closed_at IS NULL)
       AND """


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_refusals_of_a_person")]
    operations = [
        migrations.AddField(
            "organization",
            "closed_at",
            models.DateTimeField(
                editable=False,
                help_text="When its erasure began, which closes it for everybody.",
                null=True,
            ),
        ),
        migrations.RunSQL(FUNCTION.format(still_open=STILL_OPEN), FUNCTION.format(still_open="")),
    ]
