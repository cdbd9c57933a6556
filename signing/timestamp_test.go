package signing_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession/signing"
)

// Written by Django 3.2.25: TimestampSigner(key).sign(value).
func TestTimestampSignerVectors(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret})
	for value, signed := range map[string]string{
		"hello": "hello:1r31eq:z1gW5lz7J-kZ6hCoccLfcxbJ1kyCD5YmYNjy-BSg5No",
		"":      ":1r31eq:8ZVvJ_Ua9jNCXgBwRUCDIkwFZV4QQeu47uRZrkdW-2s",
		"a:b":   "a:b:1r31eq:6IFZtU1W2WB7Gc9SaXGdXt01db0NZHju-nbgIAp36BM",
		"hé😀":   "hé😀:1r31eq:ipep24j5FChuJPgEPJUwBcGBuOS_Ce4m-DpZlrJeXR0",
	} {
		if got := s.Sign(value, signedAt.Add(999*time.Millisecond)); got != signed {
			t.Errorf("Sign(%q) = %q, want %q", value, got, signed)
		}
		got, at, err := s.Unsign(signed, signedAt, 0)
		if got != value || at != signedAt || err != nil { // UTC, too
			t.Errorf("Unsign(%q) = %q, %v, %v, want %q, %v", signed, got, at, err, value, signedAt)
		}
	}
}

func TestMaxAge(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret})
	signed := s.Sign("value", signedAt)

	for name, tt := range map[string]struct {
		now    time.Time
		maxAge time.Duration
		want   error
	}{
		"at once":                {signedAt, time.Second, nil},
		"to the moment":          {signedAt.Add(time.Hour), time.Hour, nil},
		"a nanosecond later":     {signedAt.Add(time.Hour + 1), time.Hour, signing.ErrExpired},
		"no limit":               {signedAt.Add(math.MaxInt64), 0, nil},
		"the longest limit":      {signedAt.Add(math.MaxInt64), math.MaxInt64, nil},
		"past the longest limit": {signedAt.Add(math.MaxInt64).Add(1), math.MaxInt64, signing.ErrExpired},
		"from the future":        {signedAt.Add(-time.Hour), time.Second, nil},
		"negative limit":         {signedAt, -time.Second, signing.ErrExpired},
		"local clock":            {signedAt.In(time.FixedZone("", 7200)), time.Second, nil},
	} {
		value, at, err := s.Unsign(signed, tt.now, tt.maxAge)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if (err == nil) != (value == "value") || (err == nil) != at.Equal(signedAt) {
			t.Errorf("%s: value %q at %v beside error %v", name, value, at, err)
		}
	}
}

// What Django's b62_decode makes of a timestamp that only a holder of the key could have
// signed. TestUnsignLikeDjango asks Django itself.
func TestOddTimestamps(t *testing.T) {
	const malformed = math.MinInt64
	forge := newSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: "s"})

	for stamp, want := range map[string]int64{
		"":             malformed,
		"+1":           malformed,
		" 1":           malformed,
		"1\n":          malformed,
		"1_0":          malformed,
		"--1":          malformed,
		"1-":           malformed,
		"é":            malformed,
		"0":            0,
		"-":            0,
		"-0":           0,
		"-1":           -1,
		"z":            61,
		"10":           62,
		"0001r31eq":    signedAt.Unix(),
		"-1r31eq":      -signedAt.Unix(),
		"AzL8n0Y58m7":  1 << 57, // 2⁶³-1, bounded
		"zzzzzzzzzzzz": 1 << 57,

		strings.Repeat("z", 500):       1 << 57,
		"-" + strings.Repeat("z", 500): -1 << 57,
	} {
		value, at, err := s.Unsign(forge.Sign("v:"+stamp), signedAt, 0)
		if want == malformed {
			if value != "" || !errors.Is(err, signing.ErrMalformed) {
				t.Errorf("%.20q: %q, %v, want ErrMalformed", stamp, value, err)
			}
			continue
		}
		if value != "v" || at.Unix() != want || err != nil {
			t.Errorf("%.20q: %q at %d, %v, want %d", stamp, value, at.Unix(), err, want)
		}
		_, _, err = s.Unsign(forge.Sign("v:"+stamp), signedAt, math.MaxInt64)
		if old := want < signedAt.Add(-math.MaxInt64).Unix(); old != errors.Is(err, signing.ErrExpired) {
			t.Errorf("%.20q: %v with the longest maximum age", stamp, err)
		}
	}

	if _, _, err := s.Unsign(forge.Sign("no timestamp"), signedAt, 0); !errors.Is(err, signing.ErrMalformed) {
		t.Errorf("no timestamp: %v, want ErrMalformed", err)
	}
}

func TestTimestampUnsignReversesSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := signing.NewTimestampSigner(drawConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.String().Draw(t, "value")
		at := time.Unix(rapid.Int64Range(-1<<57, 1<<57).Draw(t, "seconds"), 0)
		got, gotAt, err := s.Unsign(s.Sign(value, at), at, time.Nanosecond)
		if got != value || !gotAt.Equal(at) || err != nil {
			t.Fatalf("Unsign(Sign(%q, %d)) = %q, %d, %v", value, at.Unix(), got, gotAt.Unix(), err)
		}
	})
}
