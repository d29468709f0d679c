"""A recogniser of English as teams run them: Vosk's WebSocket protocol outside, PocketSphinx inside.

For tests: it listens on the port of its argument (0: a free one), which it prints, and prints a line for each stream that begins
or ends. It knows the words of `words.jsgf` alone, so that a small model hears them well.
"""

import asyncio
import json
import pathlib
import sys

import websockets
from pocketsphinx.pocketsphinx import Decoder

MODEL = "/usr/share/pocketsphinx/model/en-us"
GRAMMAR = pathlib.Path(__file__).with_name("words.jsgf")


# Of a decoder, in a second.
FRAMES = 100


def decoder(sample_rate, remove_silence):
    config = Decoder.default_config()
    config.set_string("-hmm", f"{MODEL}/en-us")
    config.set_string("-dict", f"{MODEL}/cmudict-en-us.dict")
    config.set_string("-jsgf", str(GRAMMAR))
    config.set_string("-logfn", "/dev/null")
    config.set_float("-samprate", sample_rate)
    config.set_boolean("-remove_silence", remove_silence)
    return Decoder(config)


class Stream:
    """What one client says."""

    def __init__(self, sample_rate):
        self.sample_rate = sample_rate
        self.decoder = decoder(sample_rate, True)
        # Counts what the other leaves out, and so knows when words were said.
        self.timed = decoder(sample_rate, False)
        self.decoder.start_utt()
        self.is_speaking = False
        self.utterance = bytearray()
        # Seconds before this utterance.
        self.before = 0.0

    def words(self):
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def take(self, sound):
        """Vosk's answer: what is final at the end of an utterance, what may change before."""
        self.decoder.process_raw(sound, False, False)
        self.utterance += sound
        was_speaking, self.is_speaking = self.is_speaking, self.decoder.get_in_speech()
        if was_speaking and not self.is_speaking:
            return self.finish()
        return {"partial": self.words() if self.is_speaking else ""}

    def finish(self):
        """Listens once more to the whole of it: then how loud it is and how it sounds are known from its beginning on."""
        self.decoder.end_utt()
        self.timed.start_utt()
        self.timed.process_raw(bytes(self.utterance), False, True)
        self.timed.end_utt()
        result = [
            {
                "word": segment.word,
                "start": round(self.before + segment.start_frame / FRAMES, 2),
                "end": round(self.before + (segment.end_frame + 1) / FRAMES, 2),
            }
            for segment in self.timed.seg()
            if segment.word.isalpha()
        ]
        self.before += len(self.utterance) / 2 / self.sample_rate
        self.utterance.clear()
        self.decoder.start_utt()
        self.is_speaking = False
        return {"result": result, "text": " ".join(word["word"] for word in result)}


async def serve(socket, _path=None):
    print("begins", flush=True)
    loop = asyncio.get_running_loop()
    sample_rate, stream = 8000.0, None
    try:
        async for message in socket:
            if isinstance(message, str) and "config" in message:
                sample_rate = float(json.loads(message)["config"].get("sample_rate", sample_rate))
                continue
            if stream is None:
                stream = await loop.run_in_executor(None, Stream, sample_rate)
            if message == '{"eof" : 1}':
                await socket.send(json.dumps(stream.finish()))
                break
            await socket.send(json.dumps(await loop.run_in_executor(None, stream.take, message)))
    except websockets.ConnectionClosed:
        pass
    finally:
        print("ends", flush=True)


async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1])) as server:
        print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Future()


asyncio.run(main())
