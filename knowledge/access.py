"""The only gate to the library: who may read and who may change which document.

Educators read what their organization shares and what their coach keeps; coaches what is shared and their own;
administrators all that their organization has. Coaches change what they keep or added themselves,
administrators everything. Nobody reads across organizations.
"""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.access import NotVisible, coach_for
from accounts.models import User
from knowledge.models import Document, DocumentVersion
from knowledge.scope import Scope


def readable_documents(member: User) -> QuerySet[Document]:
    """Return the documents that the member may open."""
    if member.organization_id is None:
        return Document.objects.none()
    documents = Document.objects.filter(organization_id=member.organization_id)
    if member.is_admin:
        return documents
    keeper = member if member.is_coach else coach_for(member)
    mine = Q(coach=None) | Q(coach=keeper) if keeper else Q(coach=None)
    return documents.filter(mine)


def writable_documents(member: User) -> QuerySet[Document]:
    """Return the documents that the member may edit, replace and delete."""
    if not member.is_coach:
        return Document.objects.none()
    documents = readable_documents(member)
    return (
        documents if member.is_admin else documents.filter(Q(coach=member) | Q(coach=None, added_by=member))
    )


def readable_document(member: User, document_id: UUID) -> Document:
    """Return a document that the member may open.

    Raises:
        NotVisible: there is none, or the member may not read it.
    """
    return _one(readable_documents(member), document_id)


def writable_document(member: User, document_id: UUID) -> Document:
    """Return a document that the member may change.

    Raises:
        NotVisible: there is none, or the member may not change it.
    """
    return _one(writable_documents(member), document_id)


def readable_version(member: User, version_id: UUID) -> DocumentVersion:
    """Return a version, with its document, that the member may open: also one that searches no longer find.

    Raises:
        NotVisible: there is none, or the member may not read it.
    """
    versions = DocumentVersion.objects.select_related("document")
    found = versions.filter(pk=version_id, document__in=readable_documents(member)).first()
    if found is None:
        raise NotVisible
    return found


def latest_version(member: User, document_id: UUID) -> DocumentVersion:
    """Return the latest version of a document that the member may change.

    Raises:
        NotVisible: there is none, or the member may not change it.
    """
    return writable_document(member, document_id).versions.order_by("-number")[0]


def scope_of(member: User) -> Scope:
    """Return what a search of this member's own covers.

    Raises:
        NotVisible: the member belongs to no organization.
    """
    if member.organization_id is None:
        raise NotVisible
    keeper = member if member.is_coach else coach_for(member)
    return Scope(member.organization_id, keeper.pk if keeper else None)


def _one(documents: QuerySet[Document], document_id: UUID) -> Document:
    found = documents.filter(pk=document_id).first()
    if found is None:
        raise NotVisible
    return found
