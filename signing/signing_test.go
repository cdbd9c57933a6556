package signing_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession/signing"
)

const secret = "ginsession-test-secret"

// signedAt is the time of every vector.
var signedAt = time.Unix(1_700_000_000, 0).UTC()

func newSigner(t testing.TB, c signing.Config) *signing.Signer {
	t.Helper()
	s, err := signing.NewSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newTimestampSigner(t testing.TB, c signing.Config) *signing.TimestampSigner {
	t.Helper()
	s, err := signing.NewTimestampSigner(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Written by Django 3.2.25: Signer(key, salt=salt).sign(value).
func TestSignerVectors(t *testing.T) {
	for _, tt := range []struct{ salt, value, signed string }{
		{"", "hello", "hello:mPzdajqAInWjKYE-anyXYVGcw0UVvwxNIDEQf3qLMjg"},
		{"", "", ":ZhxZ2Aedr9_STYF6J5lN8fKvyNIb9igGm40-kcDZ6F4"},
		{"", "a:b", "a:b:tTDt8-dCv5jc5Q2pcep25J9gF8JS_b76iYNxEIXVnSs"},
		{"", "hé😀", "hé😀:GL1FDBKkUjb19PHFJf0eDnYWIxNAfS6OtKcEK82N5KU"},
		{"newsletter", "hello", "hello:m3DOVMyEKTscXuHrPqCY8TF2bB7QgbNMKgbFu6mYuY0"},
	} {
		s := newSigner(t, signing.Config{SecretKey: secret, Salt: tt.salt})
		if got := s.Sign(tt.value); got != tt.signed {
			t.Errorf("Sign(%q) = %q, want %q", tt.value, got, tt.signed)
		}
		if got, err := s.Unsign(tt.signed); got != tt.value || err != nil {
			t.Errorf("Unsign(%q) = %q, %v, want %q", tt.signed, got, err, tt.value)
		}
	}
}

func TestSignerRefuses(t *testing.T) {
	s := newSigner(t, signing.Config{SecretKey: secret})
	const good = "hello:mPzdajqAInWjKYE-anyXYVGcw0UVvwxNIDEQf3qLMjg"

	for name, signed := range map[string]string{
		"nothing":             "",
		"no colon":            "hello",
		"no signature":        "hello:",
		"a colon":             ":",
		"signature alone":     "mPzdajqAInWjKYE-anyXYVGcw0UVvwxNIDEQf3qLMjg",
		"another value":       "hallo:mPzdajqAInWjKYE-anyXYVGcw0UVvwxNIDEQf3qLMjg",
		"same bytes, spelled": good[:len(good)-1] + "h", // the last letter's two low bits are padding
		"padded":              good + "=",
		"line end":            good + "\n",
		"line end within":     good[:20] + "\r\n" + good[20:],
		"standard alphabet":   strings.ReplaceAll(good, "-", "+"),
		"signed twice":        good + good[5:],
		"SHA-1, Django < 3.1": "hello:AWPsHXWD8VL5lDielerwUyjnv5U",
	} {
		if value, err := s.Unsign(signed); value != "" || !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("%s: Unsign = %q, %v, want ErrBadSignature", name, value, err)
		}
	}
}

func TestEveryMutationIsRefused(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret})
	good := s.Dumps([]byte(`{"a":1}`), signedAt)

	refuse := func(what string, i int, signed []byte) {
		t.Helper()
		if _, _, err := s.Loads(string(signed), signedAt, 0); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("%s at %d: %v, want ErrBadSignature", what, i, err)
		}
	}
	for i := range len(good) {
		refuse("cut", i, []byte(good[:i]))
		refuse("deletion", i, []byte(good[:i]+good[i+1:]))
		for c := range 256 {
			refuse("insertion", i, []byte(good[:i]+string([]byte{byte(c)})+good[i:]))
			if byte(c) != good[i] {
				mutant := []byte(good)
				mutant[i] = byte(c)
				refuse("replacement", i, mutant)
			}
		}
	}
}

func TestSaltsKeepPurposesApart(t *testing.T) {
	salts := []string{"", "a", "b", "django.core.signing", "django.contrib.sessions.SessionStore"}
	for _, from := range salts {
		signed := newSigner(t, signing.Config{SecretKey: secret, Salt: from}).Sign("value")
		for _, to := range salts {
			_, err := newSigner(t, signing.Config{SecretKey: secret, Salt: to}).Unsign(signed)
			if same := from == to; same != (err == nil) {
				t.Errorf("signed with salt %q, read with %q: %v", from, to, err)
			}
		}
	}
}

func TestFallbacks(t *testing.T) {
	const old, older, current = "old-secret", "older-secret", "current-secret"
	rotated := signing.Config{SecretKey: current, SecretKeyFallbacks: []string{old, older}}
	s := newSigner(t, rotated)

	for _, tt := range []struct {
		key  string
		want error
	}{
		{current, nil},
		{old, nil},
		{older, nil},
		{"retired-secret", signing.ErrBadSignature},
	} {
		signed := newSigner(t, signing.Config{SecretKey: tt.key}).Sign("value")
		if _, err := s.Unsign(signed); !errors.Is(err, tt.want) {
			t.Errorf("signed with %s: %v, want %v", tt.key, err, tt.want)
		}
	}

	if got, want := s.Sign("value"), newSigner(t, signing.Config{SecretKey: current}).Sign("value"); got != want {
		t.Errorf("Sign = %q, want the current key's %q", got, want)
	}

	rotated.SecretKeyFallbacks[0] = "changed later"
	if _, err := s.Unsign(newSigner(t, signing.Config{SecretKey: old}).Sign("value")); err != nil {
		t.Errorf("a change of the Config's slice reached the signer: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		config          signing.Config
		signer, stamper string // what the error names; "" is no error
	}{
		"no key":         {signing.Config{Salt: "s"}, "Config.SecretKey ", "Config.SecretKey "},
		"empty fallback": {signing.Config{SecretKey: secret, SecretKeyFallbacks: []string{"x", ""}}, "SecretKeyFallbacks", "SecretKeyFallbacks"},
		"compress":       {signing.Config{SecretKey: secret, Compress: true}, "Compress", ""},
		"limit":          {signing.Config{SecretKey: secret, MaxInflated: 1}, "MaxInflated", ""},
		"negative limit": {signing.Config{SecretKey: secret, MaxInflated: -1}, "MaxInflated", "MaxInflated"},
		"key alone":      {signing.Config{SecretKey: secret}, "", ""},
	} {
		_, err := signing.NewSigner(tt.config)
		checkConfigError(t, name+": NewSigner", err, tt.signer)
		_, err = signing.NewTimestampSigner(tt.config)
		checkConfigError(t, name+": NewTimestampSigner", err, tt.stamper)
	}
}

func checkConfigError(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v, want no error", what, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want an error that names %s", what, err, want)
	case err != nil && strings.Contains(err.Error(), secret):
		t.Errorf("%s: the error holds the secret", what)
	}
}

// A signer in a log, a panic or a %+v of its owner gives nothing away.
func TestPrintingShowsNoKey(t *testing.T) {
	c := signing.Config{SecretKey: secret, SecretKeyFallbacks: []string{"old-secret"}}
	signer, stamper := newSigner(t, c), newTimestampSigner(t, c)
	stamper.Sign(signer.Sign("value"), signedAt) // so that the pools are not empty

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, *signer) + fmt.Sprintf(verb, *stamper)
		for _, leak := range []string{secret, "old-secret", hex.EncodeToString([]byte(secret))} {
			if strings.Contains(text, leak) {
				t.Errorf("%s shows a key", verb)
			}
		}
	}
}

func TestErrorsHoldNoValue(t *testing.T) {
	const private = "PRIVATE"
	forge := newSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: "s", MaxInflated: 1})

	for want, signed := range map[error]string{
		signing.ErrBadSignature: private + ":" + private,
		signing.ErrMalformed:    forge.Sign(private),
		signing.ErrExpired:      forge.Sign(private + ":1"),
		signing.ErrTooLarge:     forge.Sign(".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq"),
	} {
		_, _, err := s.Loads(signed, signedAt, 10*time.Hour)
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
			continue
		}
		for _, part := range append(strings.Split(signed, ":"), secret) {
			if len(part) > 1 && strings.Contains(err.Error(), part) {
				t.Errorf("%v holds %q", err, part)
			}
		}
	}
}

func TestSignersAreSafeForConcurrentUse(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Compress: true, SecretKeyFallbacks: []string{"old"}})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				data := []byte(strings.Repeat(fmt.Sprint(worker, i), 100))
				got, _, err := s.Loads(s.Dumps(data, signedAt), signedAt, 0)
				if err != nil || !slices.Equal(got, data) {
					t.Errorf("Loads(Dumps(%.20q…)) = %.20q…, %v", data, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestUnsignReversesSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := signing.NewSigner(drawConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.String().Draw(t, "value")
		if got, err := s.Unsign(s.Sign(value)); got != value || err != nil {
			t.Fatalf("Unsign(Sign(%q)) = %q, %v", value, got, err)
		}
	})
}

func drawConfig(t *rapid.T) signing.Config {
	key := rapid.StringN(1, -1, -1)
	return signing.Config{
		SecretKey:          key.Draw(t, "key"),
		SecretKeyFallbacks: rapid.SliceOfN(key, 0, 3).Draw(t, "fallbacks"),
		Salt:               rapid.String().Draw(t, "salt"),
	}
}

// Written by Django 3.2.25, whose get_session_auth_hash this is.
func TestSaltedHMAC(t *testing.T) {
	const want = "768520f8e220c99e3617a609a4c84e2ea96ea6779ee71bd5e5cc9fac4c3d3ed5"
	got := signing.SaltedHMAC("django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", "pbkdf2_sha256$1$x$y", secret)
	if hex.EncodeToString(got) != want {
		t.Errorf("SaltedHMAC = %x, want %s", got, want)
	}
}
