package signing_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/signing"
)

// FuzzUnsign gives the readers what a stranger could send, and what the holder of the key
// could have signed by another program's rules.
func FuzzUnsign(f *testing.F) {
	config := signing.Config{SecretKey: secret, Salt: "s"}
	signer, stamper := newSigner(f, config), newTimestampSigner(f, config)
	for _, seed := range []string{
		"", ":", "::", "a:b", "value:1r31eq", "value:-1", ":0", ".:1",
		signer.Sign("value"), stamper.Sign("value", signedAt), stamper.Dumps([]byte(record), signedAt),
		".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if value, err := signer.Unsign(text); err == nil && signer.Sign(value) != text {
			t.Errorf("Unsign(%q) = %q, which Sign does not write", text, value)
		}
		if _, _, err := stamper.Loads(text, signedAt, 0); err != nil && !isSentinel(err) {
			t.Errorf("Loads(%q): unknown error %v", text, err)
		}

		forged := signer.Sign(text)
		if value, err := signer.Unsign(forged); value != text || err != nil {
			t.Fatalf("Unsign(Sign(%q)) = %q, %v", text, value, err)
		}
		if _, _, err := stamper.Loads(forged, signedAt, 0); err != nil && !isSentinel(err) {
			t.Errorf("Loads(Sign(%q)): unknown error %v", text, err)
		}
		wantValue, wantSeconds, want := splitStamp(text)
		value, at, err := stamper.Unsign(forged, signedAt, 0)
		if ok := err == nil; ok != want || value != wantValue || ok && at.Unix() != wantSeconds {
			t.Errorf("Unsign(Sign(%q)) = %q, %d, %v, want %q, %d", text, value, at.Unix(), err, wantValue, wantSeconds)
		}
	})
}

func isSentinel(err error) bool {
	return errors.Is(err, signing.ErrBadSignature) || errors.Is(err, signing.ErrExpired) ||
		errors.Is(err, signing.ErrMalformed) || errors.Is(err, signing.ErrTooLarge)
}

func splitStamp(stamped string) (value string, seconds int64, ok bool) {
	i := strings.LastIndexByte(stamped, ':')
	if i < 0 {
		return "", 0, false
	}
	seconds, ok = decodeBase62(stamped[i+1:])
	if !ok {
		return "", 0, false
	}
	return stamped[:i], seconds, true
}

// decodeBase62 is Django's b62_decode, with integers of any size, bounded at ±2⁵⁷.
func decodeBase62(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	digits, negative := strings.CutPrefix(s, "-")
	n := new(big.Int)
	for _, c := range []byte(digits) {
		i := strings.IndexByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c)
		if i < 0 {
			return 0, false
		}
		n.Add(n.Mul(n, big.NewInt(62)), big.NewInt(int64(i)))
	}
	if bound := big.NewInt(1 << 57); n.Cmp(bound) > 0 {
		n = bound
	}
	if negative {
		n.Neg(n)
	}
	return n.Int64(), true
}

func FuzzBase62(f *testing.F) {
	config := signing.Config{SecretKey: secret, Salt: "s"}
	signer, stamper := newSigner(f, config), newTimestampSigner(f, config)
	for _, seconds := range []int64{0, 1, -1, 61, 62, 1_700_000_000, 1<<57 + 1, 1<<63 - 1, -1 << 63} {
		f.Add(seconds)
	}
	f.Fuzz(func(t *testing.T, seconds int64) {
		signed := stamper.Sign("v", time.Unix(seconds, 0))
		stamped, err := signer.Unsign(signed)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := splitStamp(stamped)
		want := max(-1<<57, min(seconds, 1<<57))
		if got != want {
			t.Errorf("%d is written as %q, which is %d", seconds, stamped, got)
		}
		if _, at, err := stamper.Unsign(signed, signedAt, 0); at.Unix() != want || err != nil {
			t.Errorf("%d is read as %d, %v", seconds, at.Unix(), err)
		}
	})
}

// FuzzInflate compares with the standard library's zlib.
func FuzzInflate(f *testing.F) {
	const limit = 4096
	config := signing.Config{SecretKey: secret, Salt: "s"}
	signer := newSigner(f, config)
	config.MaxInflated = limit
	stamper := newTimestampSigner(f, config)
	for _, data := range [][]byte{nil, []byte(record), make([]byte, limit), make([]byte, limit+1)} {
		z := deflate(f, data)
		f.Add(z)
		f.Add(z[:len(z)-1])
		f.Add(append(z, "trailing"...))
	}
	f.Add([]byte{0x78, 0xbb, 0, 0, 0, 2, 3, 0, 0, 0, 0, 1})                                   // names a dictionary
	f.Add([]byte("x\x9c\xec\xc0\x01\r\x00\x00\x00\xc2 \xfb\xa7\xb6\xc7\a\x03\x00\x00\x0020")) // too large, then corrupt
	f.Fuzz(func(t *testing.T, z []byte) {
		got, _, err := stamper.Loads(signer.Sign("."+encode(z)+":1r31eq"), signedAt, 0)
		want, wantErrs := inflate(z, limit)
		isErr := func(want error) bool { return errors.Is(err, want) }
		if !slices.ContainsFunc(wantErrs, isErr) || !bytes.Equal(got, want) {
			t.Errorf("inflating %x: %q, %v, want %q, %v", z, got, err, want, wantErrs)
		}
	})
}

// inflate returns the errors of which one is due: what is too large and corrupt may be called
// either, as the library at hand meets them.
func inflate(z []byte, limit int) ([]byte, []error) {
	r, err := zlib.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, []error{signing.ErrMalformed}
	}
	data, err := io.ReadAll(r)
	switch large := len(data) > limit; {
	case large && err != nil:
		return nil, []error{signing.ErrTooLarge, signing.ErrMalformed}
	case large:
		return nil, []error{signing.ErrTooLarge}
	case err != nil:
		return nil, []error{signing.ErrMalformed}
	}
	return data, []error{nil}
}
