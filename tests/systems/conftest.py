"""A saved model that several tests start from."""

from tests.support.saved_model import folder as folder
from tests.support.saved_model import model as model
