"""People and teams stay in their organization, and an organization keeps an administrator."""

from django.db import migrations

FORWARD = """
ALTER TABLE accounts_user ADD CONSTRAINT user_organization_key UNIQUE (organization_id, id);
ALTER TABLE accounts_team ADD CONSTRAINT team_coach_of_same_organization
    FOREIGN KEY (organization_id, coach_id) REFERENCES accounts_user (organization_id, id);

CREATE FUNCTION accounts_stay_in_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'nobody and nothing moves to another organization'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'stays_in_organization';
END $$;

CREATE TRIGGER user_stays_in_organization BEFORE UPDATE OF organization_id ON accounts_user
    FOR EACH ROW WHEN (OLD.organization_id IS NOT NULL
                       AND NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION accounts_stay_in_organization();
CREATE TRIGGER team_stays_in_organization BEFORE UPDATE OF organization_id ON accounts_team
    FOR EACH ROW WHEN (NEW.organization_id IS DISTINCT FROM OLD.organization_id)
    EXECUTE FUNCTION accounts_stay_in_organization();

CREATE FUNCTION accounts_member_of_same_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_team t JOIN accounts_user u ON u.organization_id = t.organization_id
                   WHERE t.id = NEW.team_id AND u.id = NEW.member_id) THEN
        RAISE EXCEPTION 'a team has members of its own organization only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'team_member_of_same_organization';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER team_member_of_same_organization BEFORE INSERT OR UPDATE ON accounts_teammembership
    FOR EACH ROW EXECUTE FUNCTION accounts_member_of_same_organization();

CREATE FUNCTION accounts_last_administrator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whoever else takes an administrator away waits here, and then counts without this one.
    PERFORM 1 FROM accounts_organization WHERE id = OLD.organization_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM accounts_user WHERE organization_id = OLD.organization_id
                   AND role = 'admin' AND is_active AND id <> OLD.id) THEN
        RAISE EXCEPTION 'an organization keeps one active administrator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'last_administrator_stays';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER last_administrator_stays BEFORE UPDATE OF role, is_active ON accounts_user
    FOR EACH ROW WHEN (OLD.organization_id IS NOT NULL AND OLD.role = 'admin' AND OLD.is_active
                       AND NOT (NEW.role = 'admin' AND NEW.is_active))
    EXECUTE FUNCTION accounts_last_administrator();
CREATE TRIGGER last_administrator_not_deleted BEFORE DELETE ON accounts_user
    FOR EACH ROW WHEN (OLD.organization_id IS NOT NULL AND OLD.role = 'admin' AND OLD.is_active)
    EXECUTE FUNCTION accounts_last_administrator();
"""

BACKWARD = """
DROP TRIGGER last_administrator_not_deleted ON accounts_user;
DROP TRIGGER last_administrator_stays ON accounts_user;
DROP FUNCTION accounts_last_administrator();
DROP TRIGGER team_member_of_same_organization ON accounts_teammembership;
DROP FUNCTION accounts_member_of_same_organization();
DROP TRIGGER team_stays_in_organization ON accounts_team;
DROP TRIGGER user_stays_in_organization ON accounts_user;
DROP FUNCTION accounts_stay_in_organization();
ALTER TABLE accounts_team DROP CONSTRAINT team_coach_of_same_organization;
ALTER TABLE accounts_user DROP CONSTRAINT user_organization_key;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_chain")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
