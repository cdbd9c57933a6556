// Package signing is Django's django.core.signing in Go: text and records that anybody may
// read and only the holder of the secret key can make. What one writes the other reads.
//
//   - [Signer] signs text.
//   - [TimestampSigner] signs text or data together with the time, and refuses what is too old.
//   - [SaltedHMAC] is Django's salted_hmac.
//
// Signing hides nothing: the signed text contains the value, readable or in base64.
//
// Each purpose needs a salt of its own (Config.Salt), so that a value signed for one, such as
// a newsletter's unsubscribe link, is refused by another, such as the session cookie.
//
// Django's default algorithm, SHA-256, is the only one; the SHA-1 signatures of Django before
// 3.1 are refused.
package signing

import (
	"errors"
	"fmt"
	"log/slog"
)

// The errors of reading what was signed, for errors.Is. No error's text contains the value,
// the signature or a secret.
var (
	// ErrBadSignature means that no key of the signer made this signature for this text.
	ErrBadSignature = errors.New("signing: bad signature")

	// ErrExpired means that the signature is good but older than the maximum age.
	ErrExpired = errors.New("signing: the signature has expired")

	// ErrMalformed means that the signature is good but what it signs is not in the format: it
	// was made for another purpose, so give each purpose a salt of its own.
	ErrMalformed = errors.New("signing: the signed value is malformed")

	// ErrTooLarge means that the signature is good but the data inflates to more than
	// Config.MaxInflated.
	ErrTooLarge = errors.New("signing: the data inflates to more than Config.MaxInflated")
)

// Django's default salts: the class's qualified name.
const (
	signerSalt          = "django.core.signing.Signer"
	timestampSignerSalt = "django.core.signing.TimestampSigner"
)

// Config configures a signer. Only SecretKey is required.
type Config struct {
	// SecretKey signs and verifies: Django's SECRET_KEY, as UTF-8. Required.
	SecretKey string

	// SecretKeyFallbacks are retired keys that still verify and never sign (Django's
	// SECRET_KEY_FALLBACKS). Drop a key to refuse what it signed.
	SecretKeyFallbacks []string

	// Salt names the purpose. "" is Django's default for the type, such as
	// "django.core.signing.Signer"; Django's signing.dumps uses "django.core.signing".
	Salt string

	// Compress lets TimestampSigner.Dumps compress data if that makes it shorter
	// (Django's compress=True). Loads reads both.
	Compress bool

	// MaxInflated is the size in bytes up to which TimestampSigner.Loads inflates data.
	// 0 is 1 MiB.
	MaxInflated int
}

// Format prints the Config without its secrets, whatever the verb.
func (Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "signing.Config") }

// LogValue is what slog prints: no secret.
func (Config) LogValue() slog.Value { return slog.StringValue("signing.Config") }

func (c Config) keyring(defaultSalt string) (keyring, error) {
	if c.SecretKey == "" {
		return nil, errors.New("signing: Config.SecretKey is empty: set it to Django's SECRET_KEY, or to 50 random characters")
	}
	salt := c.Salt
	if salt == "" {
		salt = defaultSalt
	}
	keys := keyring{newKey(salt+"signer", c.SecretKey)}
	for _, secret := range c.SecretKeyFallbacks {
		if secret == "" {
			return nil, errors.New("signing: Config.SecretKeyFallbacks holds an empty key, with which anybody could sign: remove it")
		}
		keys = append(keys, newKey(salt+"signer", secret))
	}
	return keys, nil
}

// A Signer signs text, as Django's Signer does: "value:signature". It never changes and may
// be used by many goroutines at once. Make one with [NewSigner].
type Signer struct {
	keys keyring
}

// NewSigner returns an error if a key is missing or empty, or if a field is set that only a
// [TimestampSigner] uses.
func NewSigner(c Config) (*Signer, error) {
	if c.Compress || c.MaxInflated != 0 {
		return nil, errors.New("signing: Config.Compress and Config.MaxInflated are for Dumps and Loads: use NewTimestampSigner, or leave them out")
	}
	keys, err := c.keyring(signerSalt)
	if err != nil {
		return nil, err
	}
	return &Signer{keys}, nil
}

// Sign returns the value with its signature. The value may be any text, even one with colons.
func (s *Signer) Sign(value string) string {
	b := make([]byte, 0, len(value)+1+signatureLen)
	return string(s.keys.seal(append(b, value...), 0))
}

// Unsign returns the value that was signed, or [ErrBadSignature].
func (s *Signer) Unsign(signed string) (string, error) {
	value, err := s.keys.open([]byte(signed))
	if err != nil {
		return "", err
	}
	return signed[:len(value)], nil
}
