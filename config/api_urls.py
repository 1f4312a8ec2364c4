"""Addresses of the API, of its description and of the page that explains it."""

from django.urls import path, re_path

from accounts.api import invitations, organization, own, people, record, signing_in
from coaching import api as persona
from config import api_pages
from conversations.api import (
    acts,
    analytics,
    console,
    conversations,
    diary,
    exports,
    feedback,
    messages,
    queue,
    search,
    sharing,
)
from knowledge.api import documents, pages, versions

app_name = "api"

V1 = "v1/"
CONVERSATION = V1 + "conversations/<uuid:conversation_id>"
DOCUMENT = V1 + "documents/<uuid:document_id>"
SOURCE_PAGE = V1 + "library/<uuid:document_id>/v/<uuid:version_id>/page/<int:index>/"
INVITATION = V1 + "admin/invitations/<uuid:invitation_id>"
TEAM = V1 + "admin/teams/<uuid:team_id>"
DOMAIN = V1 + "admin/domains/<uuid:domain_id>"
PERSON = V1 + "admin/users/<uuid:person_id>"
MESSAGE = V1 + "messages/<uuid:message_id>"

urlpatterns = [
    path("schema/", api_pages.schema, name="schema"),
    path("docs/", api_pages.docs, name="docs"),
    path(V1 + "auth/me", own.Me.as_view(), name="me"),
    path(V1 + "auth/google", signing_in.ToGoogle.as_view(), name="to_google"),
    path(V1 + "auth/clever", signing_in.ToClever.as_view(), name="to_clever"),
    path(V1 + "auth/refresh", signing_in.Refresh.as_view(), name="refresh"),
    path(V1 + "auth/logout", own.Logout.as_view(), name="logout"),
    path(V1 + "auth/sessions", own.Sessions.as_view(), name="sessions"),
    path(V1 + "auth/sessions/<uuid:signed_in_id>", own.SessionById.as_view(), name="session"),
    path(V1 + "auth/keys", own.Keys.as_view(), name="keys"),
    path(V1 + "auth/keys/<uuid:token_id>", own.KeyById.as_view(), name="key"),
    path(V1 + "quotas", own.Quotas.as_view(), name="quotas"),
    path(V1 + "conversations", conversations.Conversations.as_view(), name="conversations"),
    path(CONVERSATION, conversations.ConversationById.as_view(), name="conversation"),
    path(CONVERSATION + "/restore", conversations.ConversationRestore.as_view(), name="restore"),
    path(CONVERSATION + "/messages", messages.Messages.as_view(), name="messages"),
    path(CONVERSATION + "/stop", acts.ConversationStop.as_view(), name="stop"),
    path(CONVERSATION + "/coach", acts.ConversationCoach.as_view(), name="coach"),
    path(CONVERSATION + "/consent", acts.ConversationConsent.as_view(), name="consent"),
    path(CONVERSATION + "/take-over", console.ConversationTakeOver.as_view(), name="take_over"),
    path(CONVERSATION + "/speak", console.ConversationSpeak.as_view(), name="speak"),
    path(CONVERSATION + "/hand-back", console.ConversationHandBack.as_view(), name="hand_back"),
    path(CONVERSATION + "/brief", queue.ConversationBrief.as_view(), name="brief"),
    path(CONVERSATION + "/draft", queue.ConversationDraft.as_view(), name="draft"),
    path(CONVERSATION + "/share", sharing.ConversationShare.as_view(), name="share"),
    path(CONVERSATION + "/share/preview", sharing.SharePreview.as_view(), name="share_preview"),
    path(CONVERSATION + "/share/<uuid:link_id>", sharing.ConversationLink.as_view(), name="link"),
    path(CONVERSATION + "/markdown", exports.ConversationMarkdown.as_view(), name="markdown"),
    path(MESSAGE + "/retry", messages.MessageRetry.as_view(), name="retry"),
    path(MESSAGE + "/events", messages.MessageEvents.as_view(), name="message_events"),
    path(MESSAGE + "/feedback", messages.MessageFeedback.as_view(), name="message_feedback"),
    path(V1 + "links", sharing.Links.as_view(), name="links"),
    path(V1 + "diary", diary.Diary.as_view(), name="diary"),
    path(V1 + "queue", queue.Queue.as_view(), name="queue"),
    path(V1 + "teams", organization.Teams.as_view(), name="teams"),
    path(V1 + "persona", persona.OwnPersona.as_view(), name="persona"),
    path(V1 + "persona/preview", persona.PersonaPreview.as_view(), name="persona_preview"),
    path(V1 + "feedback", feedback.FeedbackQueue.as_view(), name="feedback_queue"),
    path(V1 + "feedback/<uuid:feedback_id>", feedback.FeedbackById.as_view(), name="feedback_by_id"),
    path(V1 + "search", search.Search.as_view(), name="search"),
    path(V1 + "documents", documents.Documents.as_view(), name="documents"),
    path(DOCUMENT, documents.DocumentById.as_view(), name="document"),
    path(DOCUMENT + "/versions", versions.Versions.as_view(), name="versions"),
    path(DOCUMENT + "/cancel", versions.DocumentCancel.as_view(), name="cancel_document"),
    path(DOCUMENT + "/retry", versions.DocumentRetry.as_view(), name="retry_document"),
    path(DOCUMENT + "/passages", versions.Passages.as_view(), name="passages"),
    path(SOURCE_PAGE, pages.SourcePage.as_view(), name="source_page"),
    path(V1 + "domains", versions.Domains.as_view(), name="domains"),
    path(V1 + "analytics/overview", analytics.AnalyticsOverview.as_view(), name="analytics_overview"),
    path(V1 + "analytics/topics", analytics.AnalyticsTopics.as_view(), name="analytics_topics"),
    path(V1 + "analytics/waiting", analytics.AnalyticsWaiting.as_view(), name="analytics_waiting"),
    path(V1 + "analytics/spending", analytics.AnalyticsSpending.as_view(), name="analytics_spending"),
    path(V1 + "analytics/export", exports.AnalyticsExport.as_view(), name="analytics_export"),
    path(V1 + "exports", exports.Exports.as_view(), name="exports"),
    path(V1 + "exports/<uuid:export_id>", exports.ExportById.as_view(), name="export"),
    path(V1 + "exports/<uuid:export_id>/<str:name>", exports.ExportFile.as_view(), name="export_file"),
    path(V1 + "admin/feedback", feedback.AllFeedback.as_view(), name="feedback"),
    path(V1 + "admin/users", people.People.as_view(), name="people"),
    path(PERSON, people.Person.as_view(), name="person"),
    path(PERSON + "/password-link", people.PersonPasswordLink.as_view(), name="password_link"),
    path(V1 + "admin/invitations", invitations.Invitations.as_view(), name="invitations"),
    path(INVITATION, invitations.InvitationById.as_view(), name="invitation"),
    path(INVITATION + "/send-again", invitations.InvitationSendAgain.as_view(), name="send_again"),
    path(V1 + "admin/organization", organization.OrganizationSettings.as_view(), name="organization"),
    path(V1 + "admin/teams", organization.OrganizationTeams.as_view(), name="organization_teams"),
    path(TEAM, organization.OrganizationTeamById.as_view(), name="organization_team"),
    path(V1 + "admin/domains", organization.OrganizationDomains.as_view(), name="organization_domains"),
    path(DOMAIN, organization.OrganizationDomainById.as_view(), name="organization_domain"),
    path(V1 + "admin/record", record.Record.as_view(), name="record"),
    path(V1 + "admin/record/check", record.RecordCheck.as_view(), name="record_check"),
    # Last: whatever the API does not know is answered in its own form.
    re_path("", api_pages.unknown),
]
