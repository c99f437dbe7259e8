"""The commands, in the order of the help."""

from pinnscene.cli.evaluate import evaluate
from pinnscene.cli.export import export
from pinnscene.cli.info import info
from pinnscene.cli.listing import list_problems
from pinnscene.cli.render import render
from pinnscene.cli.solve import solve

ALL = {"list": list_problems, "info": info, "solve": solve, "render": render, "export": export, "eval": evaluate}
