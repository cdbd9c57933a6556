package ginsession

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
)

// A session key is 32 characters of [a-z0-9], 165 bits (Django: VALID_KEY_CHARS). A cookie's
// value is accepted as a key if it is 8 to 64 of these characters.
const (
	keyAlphabet  = "abcdefghijklmnopqrstuvwxyz0123456789"
	keyLength    = 32
	minKeyLength = 8
	maxKeyLength = 64
)

// newKey returns a random key. It reads crypto/rand.Reader, whose failure is an error here.
func newKey() (string, error) {
	// Bytes from the last multiple of 36 on would favour the first characters of the alphabet.
	const fair = 256 - 256%len(keyAlphabet)
	key := make([]byte, 0, keyLength)
	var random [keyLength + keyLength/4]byte
	for {
		if _, err := io.ReadFull(rand.Reader, random[:]); err != nil {
			return "", fmt.Errorf("ginsession: no session key can be made: %w", err)
		}
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			key = append(key, keyAlphabet[int(b)%len(keyAlphabet)])
			if len(key) == keyLength {
				return string(key), nil
			}
		}
	}
}

// isKey reports whether a cookie's value can be a session key.
func isKey(value string) bool {
	if len(value) < minKeyLength || len(value) > maxKeyLength {
		return false
	}
	for i := range len(value) {
		if c := value[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// digestEncoding keeps a digest within the alphabet of keys.
var digestEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// digestPrefix stands before a key when it is digested. The name of the cookie is part of it, so
// that a key means nothing under another name.
func (cfg *Config) digestPrefix() string {
	const prefix = "ginsession"
	if cfg.CookieName == defaultCookieName || cfg.forDjango {
		return prefix
	}
	return prefix + "\x00" + cfg.CookieName + "\x00"
}

// digest is what a store sees of a key if HashKeys is on: 40 characters, 200 bits. Its buffers are
// on the stack.
//
// Bench: "In memory", Cached: a READ makes 8 allocations instead of 10, a WRITE 26 instead of 30.
func digest(prefix, key string) string {
	var buf [128]byte
	sum := sha256.Sum256(append(append(buf[:0], prefix...), key...))
	var text [40]byte
	digestEncoding.Encode(text[:], sum[:25])
	return string(text[:])
}

// storeKey is the key under which the store has the session that the cookie knows as key.
func (cfg *settings) storeKey(key string) string {
	if cfg.HashKeys == Off || cfg.byStoreKey {
		return key
	}
	return digest(cfg.keyPrefix, key)
}
