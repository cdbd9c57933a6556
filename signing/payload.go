package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zlib"
)

// Dumps signs data, such as the bytes of a JSON document, with the time: Django's
// signing.dumps after its serializer. The result is safe in URLs and cookies.
func (t *TimestampSigner) Dumps(data []byte, now time.Time) string {
	return string(t.AppendDumps(nil, data, now))
}

// AppendDumps is [TimestampSigner.Dumps] and appends the result to dst.
func (t *TimestampSigner) AppendDumps(dst, data []byte, now time.Time) []byte {
	start := len(dst)
	dst = slices.Grow(dst, 1+base64.RawURLEncoding.EncodedLen(len(data))+stampedLen)
	return t.seal(t.packer.pack(dst, data), start, now)
}

// Loads returns the data that [TimestampSigner.Dumps] or Django signed, and when. It proves
// the signature before it looks at anything else. What is older than maxAge at now is
// [ErrExpired]; a maxAge of 0 is no limit.
func (t *TimestampSigner) Loads(signed string, now time.Time, maxAge time.Duration) ([]byte, time.Time, error) {
	return t.AppendLoads(nil, []byte(signed), now, maxAge)
}

// AppendLoads is [TimestampSigner.Loads] and appends the data to dst. If it returns an
// error, it returns dst unchanged. dst and signed must not overlap.
func (t *TimestampSigner) AppendLoads(dst, signed []byte, now time.Time, maxAge time.Duration) ([]byte, time.Time, error) {
	payload, signedAt, err := t.open(signed, now, maxAge)
	if err != nil {
		return dst, time.Time{}, err
	}
	unpacked, err := t.packer.unpack(dst, payload)
	if err != nil {
		return dst, time.Time{}, err
	}
	return unpacked, signedAt, nil
}

// A packer turns data into Django's payload and back: base64, with a "." before it if it is
// compressed. Compressors are pooled: a new one costs a hundred times what its work does.
type packer struct {
	compress    bool
	maxInflated int
	deflaters   sync.Pool
	inflaters   sync.Pool
}

func newPacker(compress bool, maxInflated int) *packer {
	if maxInflated == 0 {
		maxInflated = 1 << 20
	}
	return &packer{
		compress:    compress,
		maxInflated: maxInflated,
		deflaters:   sync.Pool{New: func() any { return newDeflater() }},
		inflaters:   sync.Pool{New: func() any { return new(inflater) }},
	}
}

// pack does not compress data that unpack would refuse to inflate.
func (p *packer) pack(dst, data []byte) []byte {
	if !p.compress || len(data) > p.maxInflated {
		return appendBase64(dst, data)
	}
	d := p.deflaters.Get().(*deflater)
	defer p.deflaters.Put(d)
	z := d.deflate(data)
	if len(z) < len(data)-1 {
		return appendBase64(append(dst, '.'), z)
	}
	return appendBase64(dst, data)
}

// unpack must be called only after the payload's signature has been verified.
func (p *packer) unpack(dst, payload []byte) ([]byte, error) {
	packed, compressed := bytes.CutPrefix(payload, []byte("."))
	if !compressed {
		return appendUnbase64(dst, payload)
	}
	f := p.inflaters.Get().(*inflater)
	defer p.inflaters.Put(f)
	return f.inflate(dst, packed, p.maxInflated)
}

func appendBase64(dst, data []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, data)
}

func appendUnbase64(dst, text []byte) ([]byte, error) {
	// Go's decoder skips line ends, Python's skips everything that is not base64; this refuses both.
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, errNotBase64
	}
	data, err := base64.RawURLEncoding.AppendDecode(dst, text)
	if err != nil {
		return nil, errNotBase64
	}
	return data, nil
}

var (
	errNotBase64 = fmt.Errorf("%w: it is not base64", ErrMalformed)
	errNotZlib   = fmt.Errorf("%w: it does not inflate", ErrMalformed)
)

type deflater struct {
	out bytes.Buffer
	w   *zlib.Writer
}

// newDeflater takes the fastest level: at a session's size the others save a few bytes, if any.
func newDeflater() *deflater {
	w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed) // fails on an unknown level only
	return &deflater{w: w}
}

// deflate returns bytes that are valid until the next call.
func (d *deflater) deflate(data []byte) []byte {
	d.out.Reset()
	d.w.Reset(&d.out)
	_, _ = d.w.Write(data) // a bytes.Buffer takes everything
	_ = d.w.Close()
	return d.out.Bytes()
}

type inflater struct {
	packed []byte
	in     bytes.Reader
	r      io.ReadCloser // nil until the first good header
}

func (f *inflater) inflate(dst, text []byte, limit int) ([]byte, error) {
	var err error
	if f.packed, err = appendUnbase64(f.packed[:0], text); err != nil {
		return nil, err
	}
	f.in.Reset(f.packed)
	if err := f.reset(); err != nil {
		return nil, errNotZlib
	}
	return appendAll(dst, f.r, limit)
}

func (f *inflater) reset() (err error) {
	if f.r == nil {
		f.r, err = zlib.NewReader(&f.in)
		return err
	}
	return f.r.(zlib.Resetter).Reset(&f.in, nil)
}

// appendAll appends all of r. Its memory is bounded by limit.
func appendAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, max(512, len(dst)-start))
		}
		room := dst[len(dst):cap(dst)]
		left := limit - (len(dst) - start)
		if left < len(room) {
			room = room[:left+1] // one byte more tells "full" from "too much"
		}
		n, err := r.Read(room)
		if n > left {
			return nil, ErrTooLarge
		}
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return nil, errNotZlib
		}
	}
}
