"""aiortc, unmodified: see ../README.md."""

import asyncio
import fractions
import json
import math
import sys

import av
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)

SAMPLE_RATE = 48_000
WIDTH, HEIGHT = 320, 240


class Picture(VideoStreamTrack):
    """A bright bar that wanders."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        shift = pts // 1500 % HEIGHT
        rows = bytearray()
        for row in range(HEIGHT):
            lit = (row + shift) % HEIGHT < HEIGHT // 4
            rows += bytes([230 if lit else 40]) * WIDTH
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        luma, *chroma = frame.planes
        line = luma.line_size
        luma.update(b"".join(bytes(rows[at : at + WIDTH]) + bytes(line - WIDTH) for at in range(0, len(rows), WIDTH)))
        for plane in chroma:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """440 Hz."""

    async def recv(self):
        frame = await super().recv()
        samples, rate = frame.samples, frame.sample_rate
        tone = av.AudioFrame(format="s16", layout="mono", samples=samples)
        values = (int(8000 * math.sin(2 * math.pi * 440 * (frame.pts + at) / rate)) for at in range(samples))
        tone.planes[0].update(b"".join(value.to_bytes(2, "little", signed=True) for value in values))
        tone.pts, tone.sample_rate, tone.time_base = frame.pts, rate, fractions.Fraction(1, rate)
        return tone


class Engine:
    def __init__(self):
        self.publisher = RTCPeerConnection()
        self.subscriber = RTCPeerConnection()
        self.subscriber.on("track", lambda track: asyncio.ensure_future(self.hear(track)))
        self.pictures = set()
        self.energy = 0.0

    async def hear(self, track: MediaStreamTrack):
        while True:
            frame = await track.recv()
            if track.kind == "video":
                self.pictures.add(hash(bytes(frame.reformat(format="gray").planes[0])))
            else:
                samples = memoryview(bytes(frame.planes[0])).cast("h")
                self.energy += sum((sample / 32768) ** 2 for sample in samples[::16])

    async def handle(self, line):
        if line["do"] == "offer":
            for track in (Tone(), Picture()):
                self.publisher.addTransceiver(track, direction="sendonly")
            await self.publisher.setLocalDescription(await self.publisher.createOffer())
            return {"sdp": self.publisher.localDescription.sdp}
        if line["do"] == "accept":
            await self.publisher.setRemoteDescription(RTCSessionDescription(line["sdp"], "answer"))
            return {}
        if line["do"] == "answer":
            await self.subscriber.setRemoteDescription(RTCSessionDescription(line["sdp"], "offer"))
            await self.subscriber.setLocalDescription(await self.subscriber.createAnswer())
            return {"sdp": self.subscriber.localDescription.sdp}
        if line["do"] == "received":
            return {"pictures": len(self.pictures), "energy": self.energy}
        raise ValueError(line["do"])


async def main():
    engine = Engine()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        print(json.dumps(await engine.handle(json.loads(line))), flush=True)


asyncio.run(main())
