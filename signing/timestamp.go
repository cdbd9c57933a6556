package signing

import (
	"errors"
	"fmt"
	"time"
)

// A TimestampSigner signs text or data together with the time, as Django's TimestampSigner,
// signing.dumps and signing.loads do: "value:timestamp:signature". It never changes and may
// be used by many goroutines at once. Make one with [NewTimestampSigner].
type TimestampSigner struct {
	keys   keyring
	packer *packer
}

// NewTimestampSigner returns an error if a key is missing or empty, or if MaxInflated is negative.
func NewTimestampSigner(c Config) (*TimestampSigner, error) {
	keys, err := c.keyring(timestampSignerSalt)
	if err != nil {
		return nil, err
	}
	if c.MaxInflated < 0 {
		return nil, errors.New("signing: Config.MaxInflated is negative: give a number of bytes, or 0 for 1 MiB")
	}
	return &TimestampSigner{keys, newPacker(c.Compress, c.MaxInflated)}, nil
}

// Sign returns the value with the time, to the second, and their signature. The value may be
// any text, even one with colons.
func (t *TimestampSigner) Sign(value string, now time.Time) string {
	b := make([]byte, 0, len(value)+stampedLen)
	return string(t.seal(append(b, value...), 0, now))
}

// Unsign returns the value and the time, in UTC, at which it was signed. What is older than
// maxAge at now is [ErrExpired]; a maxAge of 0 is no limit. As in Django, a time in the future
// is accepted.
func (t *TimestampSigner) Unsign(signed string, now time.Time, maxAge time.Duration) (string, time.Time, error) {
	value, signedAt, err := t.open([]byte(signed), now, maxAge)
	if err != nil {
		return "", time.Time{}, err
	}
	return signed[:len(value)], signedAt, nil
}

// stampedLen is the room that the timestamp and the signature take, with their colons.
const stampedLen = 1 + len("1r31eq") + 1 + signatureLen

// seal appends the timestamp and the signature of b[start:] to b.
func (t *TimestampSigner) seal(b []byte, start int, now time.Time) []byte {
	b = appendBase62(append(b, ':'), now.Unix())
	return t.keys.seal(b, start)
}

func (t *TimestampSigner) open(signed []byte, now time.Time, maxAge time.Duration) ([]byte, time.Time, error) {
	stamped, err := t.keys.open(signed)
	if err != nil {
		return nil, time.Time{}, err
	}
	value, stamp, _ := cutLast(stamped)
	seconds, ok := parseBase62(stamp)
	if !ok {
		return nil, time.Time{}, fmt.Errorf("%w: it has no timestamp", ErrMalformed)
	}
	signedAt := time.Unix(seconds, 0).UTC()
	if maxAge != 0 && now.After(signedAt.Add(maxAge)) {
		return nil, time.Time{}, ErrExpired
	}
	return value, signedAt, nil
}
