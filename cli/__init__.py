"""The command line. Importing this package costs no torch: commands import what they need when they run."""

if __name__ != "pinnscene.cli":
    raise ImportError("import pinnscene.cli, not cli: the folder is a part of the package")

from pinnscene.cli.app import app as app
from pinnscene.cli.app import main as main
