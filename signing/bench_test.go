package signing_test

import (
	"testing"

	"github.com/ginsession/ginsession/signing"
)

func BenchmarkSigner(b *testing.B) {
	s := newSigner(b, signing.Config{SecretKey: secret})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Unsign(s.Sign(record)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDumps(b *testing.B) {
	for name, compress := range map[string]bool{"plain": false, "compressed": true} {
		s := newTimestampSigner(b, signing.Config{SecretKey: secret, Compress: compress})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			record, signed := []byte(record), make([]byte, 0, 1024)
			for b.Loop() {
				signed = s.AppendDumps(signed[:0], record, signedAt)
			}
		})
	}
}

func BenchmarkLoads(b *testing.B) {
	for name, compress := range map[string]bool{"plain": false, "compressed": true} {
		s := newTimestampSigner(b, signing.Config{SecretKey: secret, Compress: compress})
		signed := []byte(s.Dumps([]byte(record), signedAt))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			data := make([]byte, 0, 1024)
			for b.Loop() {
				var err error
				if data, _, err = s.AppendLoads(data[:0], signed, signedAt, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A forged signature is refused for the price of one HMAC a key.
func BenchmarkLoadsForged(b *testing.B) {
	s := newTimestampSigner(b, signing.Config{SecretKey: secret, SecretKeyFallbacks: []string{"old"}})
	signed := []byte(s.Dumps([]byte(record), signedAt))
	signed[len(signed)-1] ^= 1
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.AppendLoads(nil, signed, signedAt, 0); err == nil {
			b.Fatal("accepted")
		}
	}
}
