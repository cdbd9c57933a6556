// Package envelope encrypts texts with a time and binds them to where they stand.
package envelope

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// MinKey is the least number of bytes of a key.
const MinKey = 32

// ErrOpen means that a text is not sealed, was sealed with another key or for another place, or was
// changed.
var ErrOpen = errors.New("envelope: not sealed with these keys for this place")

// prefix begins every sealed text. It names the version of the format: XChaCha20-Poly1305, its key
// derived from the configured one by HKDF-SHA256 (RFC 5869).
const prefix = "gs1."

var encoding = base64.RawURLEncoding

// A Sealer seals with the first of its keys and opens with all. It is safe for concurrent use.
type Sealer struct{ ciphers []cipher.AEAD }

// New returns a Sealer. purpose separates its keys from those that another program derives from the
// same secrets.
func New(keys []string, purpose string) (*Sealer, error) {
	s := &Sealer{}
	for _, key := range keys {
		if len(key) < MinKey {
			return nil, errors.New("envelope: a key has fewer than 32 bytes")
		}
		derived, err := hkdf.Key(sha256.New, []byte(key), nil, purpose, chacha20poly1305.KeySize)
		if err != nil {
			return nil, err
		}
		aead, err := chacha20poly1305.NewX(derived)
		if err != nil {
			return nil, err
		}
		s.ciphers = append(s.ciphers, aead)
	}
	if len(s.ciphers) == 0 {
		return nil, errors.New("envelope: no key")
	}
	return s, nil
}

// IsSealed reports whether data has the form of a sealed text.
func IsSealed(data []byte) bool { return bytes.HasPrefix(data, []byte(prefix)) }

// Seal encrypts text and a time, in whole seconds. The result is ASCII that a cookie can hold. Open
// needs the same place.
func (s *Sealer) Seal(text []byte, at time.Time, place string) []byte {
	first := s.ciphers[0]
	sealed := make([]byte, first.NonceSize(), first.NonceSize()+8+len(text)+first.Overhead())
	_, _ = rand.Read(sealed) // never fails
	plain := append(binary.BigEndian.AppendUint64(nil, uint64(at.Unix())), text...)
	sealed = first.Seal(sealed, sealed, plain, []byte(place))
	return encoding.AppendEncode([]byte(prefix), sealed)
}

// Open is the inverse of Seal, or ErrOpen.
func (s *Sealer) Open(data []byte, place string) (text []byte, at time.Time, err error) {
	if !IsSealed(data) || bytes.ContainsAny(data, "\r\n") { // which the decoder skips
		return nil, time.Time{}, ErrOpen
	}
	sealed, err := encoding.Strict().AppendDecode(nil, data[len(prefix):])
	if err != nil {
		return nil, time.Time{}, ErrOpen
	}
	for _, c := range s.ciphers {
		if len(sealed) < c.NonceSize() {
			break
		}
		plain, err := c.Open(nil, sealed[:c.NonceSize()], sealed[c.NonceSize():], []byte(place))
		if err == nil && len(plain) >= 8 {
			return plain[8:], time.Unix(int64(binary.BigEndian.Uint64(plain)), 0), nil
		}
	}
	return nil, time.Time{}, ErrOpen
}
