// Pion, unmodified: see ../README.md. It has no codecs: what it sends are the files `sound.ogg` and `picture.ivf` of its
// working folder, what it receives it writes to `received.ogg` and `received.ivf` there, for whoever asks to decode.
// With the argument `p521` its certificate is on that curve. (With one of RSA it wants an RSA certificate of the other
// side as well, also where it is the client, and only servers that have one can talk to it.)
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
	"github.com/pion/webrtc/v3/pkg/media/ivfreader"
	"github.com/pion/webrtc/v3/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v3/pkg/media/oggreader"
	"github.com/pion/webrtc/v3/pkg/media/oggwriter"
)

type line struct {
	Do  string `json:"do"`
	SDP string `json:"sdp"`
}

type engine struct {
	publisher, subscriber *webrtc.PeerConnection
	frames, packets       int64
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func configuration(kind string) webrtc.Configuration {
	if kind != "p521" {
		return webrtc.Configuration{}
	}
	key := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	certificate := must(webrtc.GenerateCertificate(key))
	return webrtc.Configuration{Certificates: []webrtc.Certificate{*certificate}}
}

// Sound and picture begin once they can arrive, and again at the end of the files.
func (e *engine) publish(connected chan struct{}) {
	sound := must(webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "pion"))
	picture := must(webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "pion"))
	for _, track := range []webrtc.TrackLocal{sound, picture} {
		sendOnly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		must(e.publisher.AddTransceiverFromTrack(track, sendOnly))
	}
	go func() {
		<-connected
		for {
			file := must(os.Open("sound.ogg"))
			reader, _, err := oggreader.NewWith(file)
			check(err)
			for {
				page, _, err := reader.ParseNextPage()
				if err != nil {
					break
				}
				check(sound.WriteSample(media.Sample{Data: page, Duration: 20 * time.Millisecond}))
				time.Sleep(20 * time.Millisecond)
			}
			check(file.Close())
		}
	}()
	go func() {
		<-connected
		for {
			file := must(os.Open("picture.ivf"))
			reader, _, err := ivfreader.NewWith(file)
			check(err)
			for {
				frame, _, err := reader.ParseNextFrame()
				if err != nil {
					break
				}
				check(picture.WriteSample(media.Sample{Data: frame, Duration: time.Second / 15}))
				time.Sleep(time.Second / 15)
			}
			check(file.Close())
		}
	}()
}

func (e *engine) receive(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	var writer interface{ WriteRTP(*rtp.Packet) error }
	count := &e.packets
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		writer, count = must(ivfwriter.New("received.ivf")), &e.frames
		request := &rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}
		check(e.subscriber.WriteRTCP([]rtcp.Packet{request}))
	} else {
		writer = must(oggwriter.New("received.ogg", 48000, 2))
	}
	for {
		packet, _, err := track.ReadRTP()
		if err == io.EOF {
			return
		}
		check(err)
		check(writer.WriteRTP(packet))
		atomic.AddInt64(count, 1)
	}
}

// Descriptions are complete: no candidate is sent afterwards.
func describe(peer *webrtc.PeerConnection, description webrtc.SessionDescription) string {
	gathered := webrtc.GatheringCompletePromise(peer)
	check(peer.SetLocalDescription(description))
	<-gathered
	return peer.LocalDescription().SDP
}

func (e *engine) handle(line line) any {
	switch line.Do {
	case "offer":
		connected := make(chan struct{})
		e.publisher.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				close(connected)
			}
		})
		e.publish(connected)
		return map[string]string{"sdp": describe(e.publisher, must(e.publisher.CreateOffer(nil)))}
	case "accept":
		answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: line.SDP}
		check(e.publisher.SetRemoteDescription(answer))
		return struct{}{}
	case "answer":
		e.subscriber.OnTrack(e.receive)
		check(e.subscriber.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: line.SDP}))
		return map[string]string{"sdp": describe(e.subscriber, must(e.subscriber.CreateAnswer(nil)))}
	case "received":
		return map[string]int64{"frames": atomic.LoadInt64(&e.frames), "packets": atomic.LoadInt64(&e.packets)}
	}
	panic("unknown: " + line.Do)
}

func main() {
	kind := ""
	if len(os.Args) > 1 {
		kind = os.Args[1]
	}
	peer := func() *webrtc.PeerConnection { return must(webrtc.NewPeerConnection(configuration(kind))) }
	e := &engine{publisher: peer(), subscriber: peer()}
	lines := bufio.NewReader(os.Stdin)
	for {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		check(err)
		var line line
		check(json.Unmarshal(text, &line))
		fmt.Println(string(must(json.Marshal(e.handle(line)))))
	}
}
