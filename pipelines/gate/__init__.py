"""Gate: expectations bound to the asset graph; evidence is made, judged, kept, and asked for before training."""

from pipelines.gate.alarms import add_alarms
from pipelines.gate.stages import add_gates
from pipelines.gate.verdicts import GateRefusal, require

__all__ = ["GateRefusal", "add_alarms", "add_gates", "require"]
