"""What can be looked up: documents, passages, ingestion, retrieval, routing, citations."""
