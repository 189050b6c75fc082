// Package worker runs products in another process: a GPU in a child of this program,
// on another machine behind ssh, or an engine's own kernels in a Python environment.
// Whatever happens there (an illegal address, a hang, a driver that aborts) ends that
// process and nothing else.
//
// Both sides speak frames over a pair of byte streams: four bytes of little-endian
// length, that many bytes of JSON, then the blobs that the JSON counts. A peer is not
// trusted: lengths are bounded before anything is allocated, and memory grows only as
// bytes arrive.
package worker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version of the protocol: peers of different versions part at the first frame.
const Version = 4

// The kinds of frames. A client asks hello once, then run, quantize, cancel and weight; a
// server answers hello, and for a job need (its weight, when it does not have it), then
// progress, then result, compared, quantized or error.
const (
	kindHello     = "hello"
	kindRun       = "run"
	kindQuantize  = "quantize"
	kindNeed      = "need"
	kindWeight    = "weight"
	kindProgress  = "progress"
	kindResult    = "result"
	kindCompared  = "compared"
	kindQuantized = "quantized"
	kindError     = "error"
	kindCancel    = "cancel"
)

// Limits of one frame: no header is larger than a megabyte, and no product of two
// matrices that fit into memory has a part larger than this.
const (
	maxHeader = 1 << 20
	maxBlobs  = 1 << 36
	maxCount  = 16
)

// header is the JSON of a frame.
type header struct {
	Kind  string          `json:"kind"`
	Job   uint64          `json:"job,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
	Blobs []int64         `json:"blobs,omitempty"` // lengths of what follows
}

// frame is one message.
type frame struct {
	header
	blobs [][]byte
}

// errFrame is wrapped by everything that is no frame.
var errFrame = errors.New("not the worker protocol")

// write sends a frame. body may be nil.
func write(w *bufio.Writer, kind string, job uint64, body any, blobs ...[]byte) error {
	h := header{Kind: kind, Job: job}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		h.Body = b
	}
	for _, b := range blobs {
		h.Blobs = append(h.Blobs, int64(len(b)))
	}
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	var size [4]byte
	binary.LittleEndian.PutUint32(size[:], uint32(len(head)))
	for _, part := range append([][]byte{size[:], head}, blobs...) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Flush()
}

// read receives a frame whose blobs have no more bytes than most says once the frame has
// begun. io.EOF means that the peer closed between two frames.
func read(r io.Reader, most func() int64) (frame, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return frame{}, err
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n == 0 || n > maxHeader {
		return frame{}, fmt.Errorf("%w: a header of %d bytes (%q)", errFrame, n, size[:])
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return frame{}, unexpected(err)
	}
	var f frame
	if err := json.Unmarshal(head, &f.header); err != nil {
		return frame{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	total, limit := int64(0), min(most(), maxBlobs)
	if len(f.Blobs) > maxCount {
		return frame{}, fmt.Errorf("%w: %d blobs", errFrame, len(f.Blobs))
	}
	for _, n := range f.Blobs {
		if n < 0 || n > limit || total+n > limit {
			return frame{}, fmt.Errorf("%w: a blob of %d bytes", errFrame, n)
		}
		total += n
	}
	for _, n := range f.Blobs {
		blob, err := readBlob(r, n)
		if err != nil {
			return frame{}, err
		}
		f.blobs = append(f.blobs, blob)
	}
	return f, nil
}

// readBlob reads n bytes into memory that grows as they arrive.
func readBlob(r io.Reader, n int64) ([]byte, error) {
	const trusted = 1 << 20
	if n <= trusted {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, unexpected(err)
	}
	var buf bytes.Buffer
	buf.Grow(trusted)
	if got, err := io.CopyN(&buf, r, n); err != nil {
		return nil, fmt.Errorf("%w after %d of %d bytes", unexpected(err), got, n)
	}
	return buf.Bytes(), nil
}

// unexpected turns an end inside a frame into what it is.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
