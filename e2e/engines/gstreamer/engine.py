"""GStreamer's webrtcbin, unmodified: see ../README.md. With the argument `bundle`, sections share a transport;
webrtcbin by itself gives each its own."""

import json
import os
import sys
import threading
import traceback

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)

POLICY = "max-bundle" if "bundle" in sys.argv[1:] else "none"
PUBLISHER = f"""
    webrtcbin name=peer bundle-policy={POLICY}
    audiotestsrc is-live=true wave=sine freq=440 volume=0.4 ! audioconvert ! opusenc ! rtpopuspay pt=111
        ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
    videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1
        ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 ! rtpvp8pay pt=96 picture-id-mode=15-bit
        ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
"""
SUBSCRIBER = f"pipeline.( webrtcbin name=peer bundle-policy={POLICY} )"
SOUND = "audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=8000 ! appsink name=last"
PICTURE = "videoconvert ! videoscale ! video/x-raw,format=GRAY8,width=64,height=48 ! appsink name=last"


class Peer:
    """One peer connection. Descriptions are complete: no candidate is sent afterwards."""

    def __init__(self, description):
        self.pipeline = Gst.parse_launch(description)
        self.bin = self.pipeline.get_by_name("peer")
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: print(message.parse_error(), file=sys.stderr, flush=True))
        self.pipeline.set_state(Gst.State.PLAYING)

    def ask(self, signal, *arguments, read=lambda reply: None):
        promise = Gst.Promise.new()
        self.bin.emit(signal, *arguments, promise)
        promise.wait()
        reply = promise.get_reply()
        error = reply and reply.has_field("error") and reply.get_value("error")
        if error:
            raise RuntimeError(f"{signal}: {error}")
        # Now: what Python takes out of a reply does not outlive the promise.
        return read(reply)

    def describe(self, kind):
        text = self.ask(f"create-{kind}", None, read=lambda reply: reply.get_value(kind).sdp.as_text())
        gathered = threading.Event()

        def look(*_):
            if self.bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
                gathered.set()

        self.bin.connect("notify::ice-gathering-state", look)
        self.take("local", kind, text)
        look()
        if not gathered.wait(30):
            raise RuntimeError("no candidates")
        return self.bin.get_property("local-description").sdp.as_text()

    def take(self, side, kind, text):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        kind = getattr(GstWebRTC.WebRTCSDPType, kind.upper())
        self.ask(f"set-{side}-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))


class Engine:
    def __init__(self):
        self.publisher = None
        self.subscriber = None
        self.pictures = set()
        self.energy = 0.0

    def handle(self, line):
        if line["do"] == "offer":
            self.publisher = Peer(PUBLISHER)
            for at in range(2):
                transceiver = self.publisher.bin.emit("get-transceiver", at)
                transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            return {"sdp": self.publisher.describe("offer")}
        if line["do"] == "accept":
            self.publisher.take("remote", "answer", line["sdp"])
            return {}
        if line["do"] == "answer":
            self.subscriber = Peer(SUBSCRIBER)
            self.subscriber.bin.connect("pad-added", self.decode)
            self.subscriber.take("remote", "offer", line["sdp"])
            return {"sdp": self.subscriber.describe("answer")}
        if line["do"] == "received":
            return {"pictures": len(self.pictures), "energy": self.energy}
        raise ValueError(line["do"])

    def decode(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.measure)
        self.subscriber.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def measure(self, decoder, pad):
        is_picture = pad.get_current_caps().get_structure(0).get_name().startswith("video")
        sink = Gst.parse_bin_from_description(f"queue ! {PICTURE if is_picture else SOUND}", True)
        last = sink.get_by_name("last")
        last.set_property("emit-signals", True)
        last.set_property("sync", False)
        last.connect("new-sample", self.see if is_picture else self.hear)
        self.subscriber.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def see(self, sink):
        self.pictures.add(hash(contents(sink)))
        return Gst.FlowReturn.OK

    def hear(self, sink):
        samples = memoryview(contents(sink)).cast("h")
        self.energy += sum((sample / 32768) ** 2 for sample in samples)
        return Gst.FlowReturn.OK


def contents(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    return buffer.extract_dup(0, buffer.get_size())


def serve():
    engine = Engine()
    try:
        for line in sys.stdin:
            print(json.dumps(engine.handle(json.loads(line))), flush=True)
        loop.quit()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


loop = GLib.MainLoop()
threading.Thread(target=serve, daemon=True).start()
loop.run()
