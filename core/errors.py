"""The one error a visitor can cause."""

from typing import Any


class ConfigError(ValueError):
    """A setting that is not allowed: names the field, the value and what is allowed.

    Args:
        field: the setting, by its RunConfig name (or "data", "initial", ... for an argument).
        value: what was given.
        allowed: what is allowed instead, as the rest of a sentence.

    Attributes:
        named: the field as the message names it: printable and short.
    """

    def __init__(self, field: str, value: Any, allowed: str):
        try:
            shown = repr(value)
        except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
            shown = f"this {type(value).__name__}"
        if len(shown) > 120:
            shown = shown[:117] + "..."
        self.field = field
        self.value = value
        self.allowed = allowed
        named = field if field.isprintable() else ascii(field)  # a foreign file may hold any name
        self.named = named if len(named) <= 40 else named[:37] + "..."
        super().__init__(f"{self.named} = {shown} is not allowed: {allowed}")

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes send it back with its parts
        return type(self), (self.field, self.value, self.allowed)
