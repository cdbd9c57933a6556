package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"sync"
)

// signatureLen is the length of a signature in base64.
const signatureLen = (sha256.Size*8 + 5) / 6

// SaltedHMAC is Django's salted_hmac with SHA-256: the HMAC of value under the key
// SHA256(salt + secret). Like every MAC it is compared with hmac.Equal, never with ==.
func SaltedHMAC(salt, value, secret string) []byte {
	mac := hmac.New(sha256.New, deriveKey(salt, secret))
	mac.Write([]byte(value))
	return mac.Sum(nil)
}

func deriveKey(salt, secret string) []byte {
	key := sha256.Sum256([]byte(salt + secret))
	return key[:]
}

// A keyring signs with its first key and verifies with any.
type keyring []*key

// seal appends ":" and the signature of b[start:] to b.
func (r keyring) seal(b []byte, start int) []byte {
	value := b[start:]
	return r[0].appendSignature(append(b, ':'), value)
}

// open verifies the signature and returns the part of signed before it.
func (r keyring) open(signed []byte) ([]byte, error) {
	value, signature, _ := cutLast(signed)
	if len(signature) != signatureLen {
		return nil, ErrBadSignature
	}
	for _, k := range r {
		if k.verify(value, signature) {
			return value, nil
		}
	}
	return nil, ErrBadSignature
}

// cutLast cuts at the last colon: the value before it may hold colons itself.
func cutLast(b []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// A key holds a pool of keyed hashes, because keying one costs more than signing a session. The
// key's bytes are nowhere else, so that printing a signer shows none.
type key struct {
	macs sync.Pool
}

// A mac carries room for its sum, which a call through hash.Hash would allocate.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newKey(salt, secret string) *key {
	derived := deriveKey(salt, secret)
	return &key{sync.Pool{New: func() any {
		return &mac{Hash: hmac.New(sha256.New, derived)}
	}}}
}

func (k *key) appendSignature(b, value []byte) []byte {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.Reset()
	_, _ = m.Write(value) // never fails
	return base64.RawURLEncoding.AppendEncode(b, m.Sum(m.sum[:0]))
}

// verify compares the signatures as text: several texts decode to the same bytes, and only
// the one that Django writes is good.
func (k *key) verify(value, signature []byte) bool {
	var room [signatureLen]byte
	want := k.appendSignature(room[:0], value)
	return subtle.ConstantTimeCompare(want, signature) == 1
}
