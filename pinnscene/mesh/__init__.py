"""Triangle meshes: the record, what can be said of one, extraction from fields, files."""

from pinnscene.mesh.record import Mesh as Mesh
