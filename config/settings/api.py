"""The API: how it reads, answers and describes itself."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["accounts.api_envelope.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api_parsing.StrictJsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.api_parsing.OneForm",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api_authentication.TokenAuthentication",
        "accounts.api_authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api_authentication.MayDo"],
    "DEFAULT_SCHEMA_CLASS": "accounts.api_schema.OperationSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "accounts.api_errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR: dict[str, Any] = {
    "TITLE": "Sideline",
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Ask, read, give feedback and keep the library, as the pages do: through the same gates.",
    "LICENSE": {"name": "AGPL-3.0-or-later"},
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "SERVE_INCLUDE_SCHEMA": False,
    "SORT_OPERATION_PARAMETERS": False,
    "PREPROCESSING_HOOKS": ["accounts.api_schema.only_the_api"],
    "POSTPROCESSING_HOOKS": ["accounts.api_schema.describe_answers"],
}
