"""Pictures and films of fields: pure functions from a field to files."""

from pinnscene.render.request import RenderRequest as RenderRequest
