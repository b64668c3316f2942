"""A nuclear wave packet on coupled surfaces: experiment file, result, tables and dataset."""

from anticrossing.experiment.packet.file import PacketStudy, read
from anticrossing.experiment.packet.result import PacketOutcome

__all__ = ["PacketOutcome", "PacketStudy", "read"]
