"""The problems that come with pinnscene, one a file, registered by the entry points of this package."""

if __name__ != "pinnscene.problems":
    raise ImportError("import pinnscene.problems, not problems: the folder is a part of the package")
