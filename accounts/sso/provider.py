"""The providers, where django-allauth looks for them."""

from accounts.sso.clever import Clever
from accounts.sso.google import Google

provider_classes = [Google, Clever]
