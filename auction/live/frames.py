"""What goes over the wire, encoded once whatever the number of readers: as Server-Sent Events, as chunks of them, as socket messages."""

from functools import cached_property
from typing import Any
from uuid import UUID

import orjson

from auction.bidding.log import Entry


class Frame:
    """One committed entry with its seq, the server's time and the next minimum."""

    def __init__(self, entry: Entry) -> None:
        self.lot_id = entry.lot_id
        self.seq = entry.seq
        self._entry = entry

    @cached_property
    def _content(self) -> dict[str, Any]:
        return self._entry.content()

    @cached_property
    def event(self) -> str:
        """The event as JSON; ``entry`` stands in it as it was hashed."""
        content, entry = self._content, self._entry
        least = content.get("next_minimum_minor", content.get("start_minor") if content["kind"] == "opened" else None)
        head = f'"lot_id":"{entry.lot_id}","seq":{entry.seq},"server_time":"{content["at"]}"'
        return f'{{{head},"next_minimum_minor":{_number(least)},"hash":"{entry.hash}","entry":{entry.document}}}'

    @cached_property
    def sse(self) -> bytes:
        """``id`` is the entry's seq, ``event`` its kind."""
        return f"id: {self.seq}\nevent: {self._content['kind']}\ndata: {self.event}\n\n".encode()

    @cached_property
    def chunk(self) -> bytes:
        """The same as one chunk of HTTP's chunked coding."""
        return b"%x\r\n%b\r\n" % (len(self.sse), self.sse)

    @cached_property
    def message(self) -> str:
        """The event alone in a socket message."""
        return joined([self])


class Pulse:
    """A heartbeat: the head's seq, the server's time, how many follow."""

    def __init__(self, lot_id: UUID, seq: int, server_time: str, readers: int) -> None:
        self.lot_id = lot_id
        self.seq = seq
        self.content = {"lot_id": str(lot_id), "readers": readers, "seq": seq, "server_time": server_time}

    @cached_property
    def sse(self) -> bytes:
        return b"event: heartbeat\ndata: " + orjson.dumps(self.content) + b"\n\n"

    @cached_property
    def chunk(self) -> bytes:
        return b"%x\r\n%b\r\n" % (len(self.sse), self.sse)

    @cached_property
    def message(self) -> str:
        return orjson.dumps(self.content | {"type": "heartbeat"}).decode()


def frame_of(entry: Entry) -> Frame:
    return Frame(entry)


def joined(frames: list[Frame]) -> str:
    """Several events in one socket message."""
    return f'{{"type":"events","events":[{",".join([frame.event for frame in frames])}]}}'


def _number(value: object) -> str:
    return "null" if value is None else str(value)
