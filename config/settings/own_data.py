"""Who answers for people's own data, app by app."""

OF_A_PERSON = [
    "conversations.account_data.ConversationsData",
    "knowledge.account_data.KnowledgeData",
    "coaching.account_data.CoachingData",
    "accounts.account_data.AccountsData",
]
"""What each app holds about a person, in the order of erasing: the account itself goes last."""
OF_AN_ORGANIZATION = [
    "conversations.organization_data.OrganizationConversations",
    "knowledge.organization_data.OrganizationLibrary",
    "coaching.organization_data.OrganizationCoaching",
    "conversations.organization_data.OrganizationNumbers",
    "accounts.organization_data.OrganizationAccounts",
]
"""What each app holds of an organization, in the order of erasing: its people go last."""
NOT_KEPT_FOR_EVER = [
    "conversations.retention.RULES",
    "coaching.retention.RULES",
    "knowledge.retention.RULES",
    "accounts.retention_rules.RULES",
]
"""What is not kept for ever, app by app."""
