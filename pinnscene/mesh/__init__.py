"""Triangle meshes: the record, what can be said of one, extraction from fields, files."""

from pinnscene.mesh.extraction import cell_size as cell_size
from pinnscene.mesh.extraction import extract as extract
from pinnscene.mesh.files import write_mesh as write_mesh
from pinnscene.mesh.inspection import MeshReport as MeshReport
from pinnscene.mesh.inspection import report as report
from pinnscene.mesh.projection import project as project
from pinnscene.mesh.record import Mesh as Mesh
