"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, and a busy one fails no property.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
