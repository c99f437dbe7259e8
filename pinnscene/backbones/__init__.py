"""Backbones: networks from an encoding to features. Each is registered in ``backbones`` by name."""

from pinnscene.backbones.base import Backbone as Backbone
from pinnscene.backbones.base import backbones as backbones
from pinnscene.backbones.linear import Linear as Linear
from pinnscene.backbones.mlp import Mlp as Mlp
from pinnscene.backbones.singular import Singular as Singular
from pinnscene.backbones.siren import Siren as Siren
