"""The checked-in OpenAPI document: built from the settings' defaults, so that it is the same on every machine."""

import json
from typing import Any

from marketplace.app import create_app
from marketplace.core.settings import Settings


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of all four services."""
    fields = {name: field.default for name, field in Settings.model_fields.items()}
    settings = Settings.model_construct(**{**fields, "demo": True})
    return create_app(settings, background=False).openapi()


def document_text() -> str:
    """The document as it is checked in."""
    return json.dumps(document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
