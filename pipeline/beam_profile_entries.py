"""The entries of a profile in `kubeflow/beam_profiles.yaml`, as a pydantic model; errors quote a field's description."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Option = Annotated[str, StringConstraints(pattern=r"^--")]
OPTIONS_FORM = "a list of options of the form --name=value"


class ProfileEntries(BaseModel):
    """The entries of one profile."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    args: list[Option] = Field(description=OPTIONS_FORM)
    remote: bool = Field(False, description="true or false")
    steps: dict[str, list[Option]] = Field({}, description="options by step")
