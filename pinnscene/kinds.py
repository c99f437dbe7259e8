"""Kinds of fields by name: what ``FieldSpec`` can build."""

from pinnscene.field import Field
from pinnscene.radiance import RadianceField
from pinnscene.radiance.surfacefield import SurfaceField
from pinnscene.registry import Registry

kinds: Registry[type[Field]] = Registry("kind of field")
kinds.register("plain")(Field)
kinds.register("radiance")(RadianceField)
kinds.register("surface")(SurfaceField)
