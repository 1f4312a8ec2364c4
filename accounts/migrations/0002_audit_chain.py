"""The audit table only grows, and each row carries the hash of the one before it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_event_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('accounts_auditevent'));
    NEW.sequence := nextval(pg_get_serial_sequence('accounts_auditevent', 'sequence'));
    SELECT hash INTO NEW.previous_hash FROM accounts_auditevent ORDER BY sequence DESC LIMIT 1;
    NEW.previous_hash := coalesce(NEW.previous_hash, '');
    NEW.hash := audit_event_hash(NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION audit_event_hash(row_ accounts_auditevent) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        row_.sequence, extract(epoch FROM row_.at), row_.organization_id, row_.actor_id, row_.action,
        row_.resource, row_.reason, host(row_.address), row_.request_id, row_.previous_hash)::text,
        'UTF8')), 'hex')
$$;

CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit record is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_link BEFORE INSERT ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_event_link();
CREATE TRIGGER audit_event_keep BEFORE UPDATE OR DELETE ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
CREATE TRIGGER audit_event_keep_all BEFORE TRUNCATE ON accounts_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_event_keep_all ON accounts_auditevent;
DROP TRIGGER audit_event_keep ON accounts_auditevent;
DROP TRIGGER audit_event_link ON accounts_auditevent;
DROP FUNCTION audit_event_link();
DROP FUNCTION audit_event_hash(accounts_auditevent);
DROP FUNCTION audit_event_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
