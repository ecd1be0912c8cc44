"""Poses over HTTP: what ``leanpose serve`` runs. It needs the extra ``serve``; only this room imports FastAPI."""
