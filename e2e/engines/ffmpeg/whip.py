"""FFmpeg's own WHIP client, unmodified: publishes H264 and Opus to the URL until it is told to end by SIGTERM.

`whip.py URL TOKEN CERTIFICATE KEY`. It says `publishing` once the server has taken its offer.
"""

import fractions
import math
import signal
import sys
import time

import av

SAMPLE_RATE = 48_000
SAMPLES = 960
WIDTH, HEIGHT, RATE = 320, 240, 15


class Ended(Exception):
    """Somebody wants it to."""


def picture(number):
    """A bright bar that wanders."""
    rows = (230 if (row + 4 * number) % HEIGHT < HEIGHT // 4 else 40 for row in range(HEIGHT))
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, *chroma = frame.planes
    padding = bytes(luma.line_size - WIDTH)
    luma.update(b"".join(bytes([row]) * WIDTH + padding for row in rows))
    for plane in chroma:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts, frame.time_base = number, fractions.Fraction(1, RATE)
    return frame


def tone(number):
    """440 Hz."""
    frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
    first = number * SAMPLES
    values = (int(8000 * math.sin(2 * math.pi * 440 * (first + at) / SAMPLE_RATE)) for at in range(SAMPLES))
    frame.planes[0].update(b"".join(value.to_bytes(2, "little", signed=True) * 2 for value in values))
    frame.pts, frame.sample_rate, frame.time_base = first, SAMPLE_RATE, fractions.Fraction(1, SAMPLE_RATE)
    return frame


def end(*_):
    raise Ended


def main(url, token, certificate, key):
    output = av.open(url, "w", format="whip", options={"authorization": token, "cert_file": certificate, "key_file": key})
    # Its muxer answers no requests for key frames: there is one in each second.
    options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "g": str(RATE), "repeat-headers": "1"}
    video = output.add_stream("libx264", rate=RATE, options=options)
    video.width, video.height, video.pix_fmt, video.profile = WIDTH, HEIGHT, "yuv420p", "Baseline"
    audio = output.add_stream("libopus", rate=SAMPLE_RATE)
    audio.layout = "stereo"
    signal.signal(signal.SIGTERM, end)
    try:
        output.start_encoding()
        print("publishing", flush=True)
        start, pictures, sounds = time.monotonic(), 0, 0
        while True:
            if pictures / RATE <= sounds * SAMPLES / SAMPLE_RATE:
                due, packets = pictures / RATE, video.encode(picture(pictures))
                pictures += 1
            else:
                due, packets = sounds * SAMPLES / SAMPLE_RATE, audio.encode(tone(sounds))
                sounds += 1
            time.sleep(max(0.0, start + due - time.monotonic()))
            for packet in packets:
                output.mux(packet)
    except Ended:
        output.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
