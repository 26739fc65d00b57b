"""What a user's turns have taken, as it is answered."""

from typing import Literal, Self

from pydantic import BaseModel

from shared import records


class ModelUsage(BaseModel):
    """Of one model."""

    model: str
    turns: int
    input_tokens: int
    output_tokens: int
    request_units: float

    @classmethod
    def of(cls, model: str, stored: records.ModelUsage) -> Self:
        """As it is answered."""
        return cls(model=model, **stored.model_dump())


class DayUsage(BaseModel):
    """On one day (UTC), in total and by model."""

    id: str
    object: Literal["usage"] = "usage"
    day: str
    turns: int
    input_tokens: int
    output_tokens: int
    request_units: float
    models: list[ModelUsage]

    @classmethod
    def of(cls, stored: records.DayUsage) -> Self:
        """As it is answered."""
        models = [ModelUsage.of(model, taken) for model, taken in sorted(stored.models.items())]
        return cls(id=stored.id, day=stored.day, models=models, **stored.total.model_dump())
