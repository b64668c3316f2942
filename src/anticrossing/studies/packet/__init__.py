"""A nuclear wave packet on coupled surfaces: experiment file, result, tables and dataset."""

from anticrossing.studies.packet.file import PacketStudy, read
from anticrossing.studies.packet.result import PacketOutcome

__all__ = ["PacketOutcome", "PacketStudy", "read"]
