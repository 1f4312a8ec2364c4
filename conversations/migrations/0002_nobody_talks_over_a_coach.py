"""Once a coach holds a conversation the database refuses every AI message in it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION message_refuse_ai_over_coach() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holding text;
BEGIN
    SELECT owner_state INTO holding FROM conversations_conversation
        WHERE id = NEW.conversation_id FOR SHARE;
    IF holding = 'coach' THEN
        RAISE EXCEPTION 'a coach holds this conversation'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'message_ai_never_over_coach';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER message_ai_never_over_coach_insert BEFORE INSERT ON conversations_message
    FOR EACH ROW WHEN (NEW.sender_type = 'ai' AND NEW.state IN ('streaming', 'complete'))
    EXECUTE FUNCTION message_refuse_ai_over_coach();
CREATE TRIGGER message_ai_never_over_coach_update BEFORE UPDATE ON conversations_message
    FOR EACH ROW WHEN (
        NEW.sender_type = 'ai' AND NEW.state IN ('streaming', 'complete')
        AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION message_refuse_ai_over_coach();
"""

BACKWARD = """
DROP TRIGGER message_ai_never_over_coach_update ON conversations_message;
DROP TRIGGER message_ai_never_over_coach_insert ON conversations_message;
DROP FUNCTION message_refuse_ai_over_coach();
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
