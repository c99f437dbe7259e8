"""Conditions: what tells the members of a family of fields apart. Each is registered in ``conditions`` by name."""

from pinnscene.conditions.base import Condition as Condition
from pinnscene.conditions.base import ConditionSpec as ConditionSpec
from pinnscene.conditions.base import conditions as conditions
from pinnscene.conditions.cloud import CloudEncoder as CloudEncoder
from pinnscene.conditions.codes import Codes as Codes
