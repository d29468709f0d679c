"""An RTSP server that stands for a camera: GStreamer's, as Debian has it.

    camera.py '{"port": 8554, "auth": "digest", "mounts": {"/a": {…}}}'

`auth` may be `basic`, `digest` or absent; the user is `eve`, her password `p@ss:word`.

Members of a mount, all optional: `video` (`baseline`, `main`, `high`, `bframes`, `h265`, `mjpeg`, `vp8` or null), `audio` (`pcma`, `pcmu`,
`aac`, `opus` or null), `transport` (`udp`, `tcp`), `size` ([width, height]), `interval` (pictures from key frame to key frame) and `pattern`. Prints a line of JSON for what happens. A line on
standard input ends it; `kick` only throws everybody out.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

X264 = "x264enc tune=zerolatency speed-preset=ultrafast bitrate=500"
VIDEO = {
    "baseline": X264 + " key-int-max={interval} ! video/x-h264,profile=baseline ! rtph264pay name={pay} pt=96",
    "main": X264 + " cabac=true key-int-max={interval} ! video/x-h264,profile=main ! rtph264pay name={pay} pt=96",
    "high": "x264enc speed-preset=superfast tune=zerolatency dct8x8=true bitrate=500 key-int-max={interval}"
    " ! video/x-h264,profile=high ! rtph264pay name={pay} pt=96",
    "bframes": "x264enc speed-preset=superfast bframes=2 b-adapt=false rc-lookahead=4 bitrate=500 key-int-max={interval}"
    " ! video/x-h264,profile=main ! rtph264pay name={pay} pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max={interval}"
    " ! rtph265pay name={pay} pt=96",
    "mjpeg": "jpegenc ! rtpjpegpay name={pay} pt=26",
    "vp8": "vp8enc deadline=1 keyframe-max-dist={interval} ! rtpvp8pay name={pay} pt=96",
}
AUDIO = {
    "pcma": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name={pay} pt=8",
    "pcmu": "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name={pay} pt=0",
    "aac": "audio/x-raw,rate=44100 ! avenc_aac ! aacparse ! rtpmp4gpay name={pay} pt=97",
    "opus": "audio/x-raw,rate=48000 ! opusenc ! rtpopuspay name={pay} pt=98",
}
USER, PASSWORD = "eve", "p@ss:word"


def say(**what):
    print(json.dumps(what), flush=True)


def description(mount):
    width, height = mount.get("size", [320, 240])
    interval, pattern = mount.get("interval", 15), mount.get("pattern", "ball")
    elements, pay = [], 0
    video, audio = mount.get("video", "baseline"), mount.get("audio")
    if video:
        source = f"videotestsrc is-live=true pattern={pattern} ! video/x-raw,width={width},height={height},framerate=15/1,format=I420"
        elements.append(f"{source} ! " + VIDEO[video].format(pay=f"pay{pay}", interval=interval))
        pay += 1
    if audio:
        source = "audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample"
        elements.append(f"{source} ! " + AUDIO[audio].format(pay=f"pay{pay}"))
    return "( " + " ".join(elements) + " )"


def factory(path, mount):
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(description(mount))
    made.set_shared(True)
    transports = {"udp": GstRtsp.RTSPLowerTrans.UDP, "tcp": GstRtsp.RTSPLowerTrans.TCP}
    if "transport" in mount:
        made.set_protocols(transports[mount["transport"]])
    permissions = GstRtspServer.RTSPPermissions.new()
    permissions.add_role("user")
    for what in ["media.factory.access", "media.factory.construct"]:
        permissions.add_permission_for_role("user", what, True)
    made.set_permissions(permissions)
    made.connect("media-configure", lambda _, media: media.connect("unprepared", lambda _: say(event="idle", path=path)))
    return made


def main():
    options = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options.get("port", 0)))
    if "auth" in options:
        methods = {"basic": GstRtsp.RTSPAuthMethod.BASIC, "digest": GstRtsp.RTSPAuthMethod.DIGEST}
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(methods[options["auth"]])
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
        auth.add_digest(USER, PASSWORD, token)
        server.set_auth(auth)
    for path, mount in options["mounts"].items():
        server.get_mount_points().add_factory(path, factory(path, mount))

    def connected(_, client):
        client.connect("play-request", lambda _, context: say(event="play", path=context.uri.abspath))
        client.connect("closed", lambda _: say(event="closed"))

    server.connect("client-connected", connected)
    if not server.attach(None):
        sys.exit("the port is taken")
    say(event="ready", port=server.get_bound_port())
    loop = GLib.MainLoop()

    def listen():
        for line in sys.stdin:
            if line.strip() != "kick":
                break
            GLib.idle_add(lambda: server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE) and False)
        GLib.idle_add(loop.quit)

    threading.Thread(target=listen, daemon=True).start()
    loop.run()


main()
