"""What the analytics are counted from: sums by person and day, and only such words as many people use."""

from django.db import migrations

PERSON_DAY = """
CREATE MATERIALIZED VIEW analytics_person_day AS
WITH begun AS (
    SELECT organization_id, owner_id AS user_id, (created_at AT TIME ZONE 'UTC')::date AS day,
           count(*) AS conversations
    FROM conversations_conversation WHERE channel <> 'transcript' GROUP BY 1, 2, 3
), said AS (
    SELECT c.organization_id, c.owner_id AS user_id, (m.created_at AT TIME ZONE 'UTC')::date AS day,
           count(*) AS messages, count(*) FILTER (WHERE m.sender_type = 'client') AS asked
    FROM conversations_message m JOIN conversations_conversation c ON c.id = m.conversation_id
    WHERE c.channel <> 'transcript' AND m.sender_type <> 'system' GROUP BY 1, 2, 3
), turns AS (
    SELECT c.organization_id, c.owner_id AS user_id, (i.accepted_at AT TIME ZONE 'UTC')::date AS day,
           array_agg((extract(epoch FROM i.first_token_at - i.accepted_at) * 1000)::int)
               FILTER (WHERE i.first_token_at IS NOT NULL) AS first_ms,
           array_agg((extract(epoch FROM i.finished_at - i.accepted_at) * 1000)::int)
               FILTER (WHERE i.state = 'done') AS whole_ms
    FROM conversations_interaction i JOIN conversations_conversation c ON c.id = i.conversation_id
    GROUP BY 1, 2, 3
), rated AS (
    SELECT c.organization_id, c.owner_id AS user_id, (f.created_at AT TIME ZONE 'UTC')::date AS day,
           count(*) FILTER (WHERE f.score > 0) AS liked, count(*) FILTER (WHERE f.score < 0) AS disliked
    FROM conversations_feedback f JOIN conversations_message m ON m.id = f.message_id
    JOIN conversations_conversation c ON c.id = m.conversation_id AND c.owner_id = f.author_id
    GROUP BY 1, 2, 3
)
SELECT organization_id, user_id, day,
       COALESCE(conversations, 0) AS conversations, COALESCE(messages, 0) AS messages, COALESCE(asked, 0) AS asked,
       COALESCE(liked, 0) AS liked, COALESCE(disliked, 0) AS disliked,
       COALESCE(first_ms, '{}') AS first_ms, COALESCE(whole_ms, '{}') AS whole_ms
FROM begun FULL JOIN said USING (organization_id, user_id, day)
FULL JOIN turns USING (organization_id, user_id, day)
FULL JOIN rated USING (organization_id, user_id, day);
CREATE UNIQUE INDEX analytics_person_day_key ON analytics_person_day (organization_id, day, user_id);
"""

DOMAIN_DAY = """
CREATE MATERIALIZED VIEW analytics_domain_day AS
SELECT c.organization_id, c.owner_id AS user_id, (m.created_at AT TIME ZONE 'UTC')::date AS day, named.domain,
       count(*) AS answers
FROM conversations_message m JOIN conversations_conversation c ON c.id = m.conversation_id
CROSS JOIN LATERAL unnest(m.domains) AS named (domain)
WHERE c.channel <> 'transcript' AND m.sender_type = 'ai' AND m.state IN ('complete', 'stopped')
GROUP BY 1, 2, 3, 4;
CREATE UNIQUE INDEX analytics_domain_day_key ON analytics_domain_day (organization_id, day, user_id, domain);
"""

HANDOFF = """
CREATE MATERIALIZED VIEW analytics_handoff AS
SELECT h.id, h.organization_id, c.owner_id AS user_id, (h.requested_at AT TIME ZONE 'UTC')::date AS day, h.reason,
       CASE WHEN h.reason <> 'coach_initiative'
            THEN extract(epoch FROM h.taken_at - h.requested_at)::int END AS waited_s
FROM conversations_handoff h JOIN conversations_conversation c ON c.id = h.conversation_id;
CREATE UNIQUE INDEX analytics_handoff_key ON analytics_handoff (id);
CREATE INDEX analytics_handoff_organization ON analytics_handoff (organization_id, day);
"""

SPEND_DAY = """
CREATE MATERIALIZED VIEW analytics_spend_day AS
SELECT organization_id, COALESCE(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
       (at AT TIME ZONE 'UTC')::date AS day, count(*) AS calls,
       sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
       sum(cost_usd) AS cost_usd
FROM coaching_promptrun WHERE organization_id IS NOT NULL GROUP BY 1, 2, 3;
CREATE UNIQUE INDEX analytics_spend_day_key ON analytics_spend_day (organization_id, day, user_id);
"""

# Words of private and of deleted conversations are not looked at, and a word that fewer than five people used
# does not enter: nobody can be known by it, not even by who reads the database.
KEYWORD = """
CREATE MATERIALIZED VIEW analytics_keyword AS
WITH asked AS (
    SELECT q.id, c.organization_id, c.owner_id, t.coach_id, r.domains, q.content
    FROM conversations_interaction i
    JOIN conversations_message q ON q.id = i.question_id
    JOIN conversations_message r ON r.id = i.reply_id
    JOIN conversations_conversation c ON c.id = i.conversation_id
    LEFT JOIN accounts_teammembership tm ON tm.member_id = c.owner_id
    LEFT JOIN accounts_team t ON t.id = tm.team_id
    WHERE c.visibility = 'coached' AND c.deleted_at IS NULL AND q.created_at > now() - interval '90 days'
), words AS (
    SELECT DISTINCT asked.id, asked.organization_id, asked.owner_id, asked.coach_id, named.domain,
           lower(found.parts[1]) AS word
    FROM asked CROSS JOIN LATERAL unnest(asked.domains) AS named (domain)
    CROSS JOIN LATERAL regexp_matches(asked.content, '[[:alpha:]]{4,30}', 'g') AS found (parts)
), stems AS (
    SELECT words.*, (tsvector_to_array(to_tsvector('english', word)))[1] AS stem FROM words
)
SELECT organization_id, CASE WHEN GROUPING(coach_id) = 1 THEN organization_id ELSE coach_id END AS scope_id,
       domain, stem, mode() WITHIN GROUP (ORDER BY word) AS word,
       count(DISTINCT owner_id) AS people, count(DISTINCT id) AS messages
FROM stems WHERE stem IS NOT NULL
GROUP BY GROUPING SETS ((organization_id, domain, stem), (organization_id, coach_id, domain, stem))
HAVING count(DISTINCT owner_id) >= 5 AND (GROUPING(coach_id) = 1 OR coach_id IS NOT NULL);
CREATE UNIQUE INDEX analytics_keyword_key ON analytics_keyword (organization_id, scope_id, domain, stem);
"""

REFRESHED = """
CREATE MATERIALIZED VIEW analytics_refreshed AS SELECT 1 AS one, now() AS at;
CREATE UNIQUE INDEX analytics_refreshed_key ON analytics_refreshed (one);
"""

VIEWS = ("person_day", "domain_day", "handoff", "spend_day", "keyword", "refreshed")
BACKWARD = "".join(f"DROP MATERIALIZED VIEW analytics_{name};" for name in VIEWS)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_quotas"),
        ("coaching", "0003_budgets"),
        ("conversations", "0004_sharing_feedback_exports"),
    ]
    operations = [
        migrations.RunSQL("".join((PERSON_DAY, DOMAIN_DAY, HANDOFF, SPEND_DAY, KEYWORD, REFRESHED)), BACKWARD)
    ]
