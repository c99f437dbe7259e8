"""What there is to see: pictures, and loaders for them."""

if __name__ != "pinnscene.scenes":
    raise ImportError("import pinnscene.scenes, not scenes: the folder is a part of the package")

from pinnscene.scenes.pictures import BUILT_IN as BUILT_IN
from pinnscene.scenes.pictures import Picture as Picture
from pinnscene.scenes.pictures import load_picture as load_picture
