"""Experiment schema: what an experiment's YAML may hold, as JSON schema, so that editors complete and check it.

`python -m pipelines.experiment_schema` writes it beside the experiments, which name it in their first line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pipelines.experiment import Experiment
from pipelines.settings import EXPERIMENTS
from pipelines.sweep import OWN

PATH = EXPERIMENTS / "experiment.schema.json"


def experiment_schema() -> dict[str, Any]:
    """The schema of a file: without the name, which is the file's, and with a base, which may give what lacks."""
    schema: dict[str, Any] = _any_of(Experiment.model_json_schema())
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    del schema["properties"]["name"]
    schema["properties"]["base"] = {
        "type": "string",
        "description": "another experiment of the folder; only what differs from it is written (one level)",
    }
    schema["properties"]["sweep"] = {
        "type": "object",
        "description": "dotted setting -> values; each point of the grid is an experiment and a trial of its own",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": list(OWN)}},
        "additionalProperties": {"type": "array", "minItems": 1},
    }
    required = [key for key in schema.pop("required") if key != "name"]
    schema["anyOf"] = [{"required": ["base"]}, {"required": required}]
    return schema


def _any_of(node: Any) -> Any:
    """The same schema where a section without its kind, which the base may give, may be any of the kinds."""
    if isinstance(node, dict):
        renamed = {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in node.items()}
        renamed.pop("discriminator", None)
        return renamed
    return [_any_of(item) for item in node] if isinstance(node, list) else node


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(experiment_schema(), indent=2) + "\n"


def main() -> int:
    """Write the file."""
    PATH.write_text(text(), encoding="utf-8")
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
