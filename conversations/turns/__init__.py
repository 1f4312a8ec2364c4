"""A turn: accepted, screened, prepared, streamed, recorded."""
