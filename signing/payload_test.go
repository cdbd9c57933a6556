package signing_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession/signing"
)

const (
	dbSalt     = "django.contrib.sessions.SessionStore"
	cookieSalt = "django.contrib.sessions.backends.signed_cookies"
)

// record is a session after a sign-in with Django: 201 bytes.
const record = `{"_auth_user_id":"1234","_auth_user_backend":"django.contrib.auth.backends.ModelBackend",` +
	`"_auth_user_hash":"768520f8e220c99e3617a609a4c84e2ea96ea6779ee71bd5e5cc9fac4c3d3ed5","visits":12,"cart":[7]}`

// Written by Django 3.2.25, 4.2.28 and 5.2.18 alike: signing.dumps(…, compress=True).
func TestDumpsVectors(t *testing.T) {
	for _, tt := range []struct{ salt, data, signed string }{
		{dbSalt, `{"a":1}`, "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo"},
		{cookieSalt, `{"a":1}`, "eyJhIjoxfQ:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4"},
		{"django.core.signing", `{"a":1}`, "eyJhIjoxfQ:1r31eq:eHns0VLKLLuZ6t_YGjoi3LsM-raoTphHFhGPiUoYVqE"},
		{dbSalt, `{"u":"h\u00e9\ud83d\ude00"}`, "eyJ1IjoiaFx1MDBlOVx1ZDgzZFx1ZGUwMCJ9:1r31eq:EjYsyjEFkOSutWO29QQWMCBYB2kZpE5dPPhkChwzBW0"},
	} {
		s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: tt.salt, Compress: true})
		if got := s.Dumps([]byte(tt.data), signedAt); got != tt.signed {
			t.Errorf("Dumps(%s) = %q, want %q", tt.data, got, tt.signed)
		}
		checkLoads(t, s, tt.signed, tt.data)
	}
}

// Compressors differ, so that what Django compressed is only read here.
func TestLoadsWhatDjangoCompressed(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: dbSalt})
	checkLoads(t, s, ".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8", `{"k":"`+strings.Repeat("x", 200)+`"}`)
}

func checkLoads(t *testing.T, s *signing.TimestampSigner, signed, want string) {
	t.Helper()
	got, at, err := s.Loads(signed, signedAt.Add(time.Minute), time.Hour)
	if string(got) != want || !at.Equal(signedAt) || err != nil {
		t.Errorf("Loads(%q) = %q, %v, %v, want %q, %v", signed, got, at, err, want, signedAt)
	}
	if _, _, err := s.Loads(signed, signedAt.Add(2*time.Hour), time.Hour); !errors.Is(err, signing.ErrExpired) {
		t.Errorf("Loads(%q) after its time: %v, want ErrExpired", signed, err)
	}
}

func TestCompression(t *testing.T) {
	compressible := strings.Repeat("x", 200)
	for name, tt := range map[string]struct {
		config signing.Config
		data   string
		want   bool
	}{
		"on":                          {signing.Config{Compress: true}, compressible, true},
		"off":                         {signing.Config{}, compressible, false},
		"a session":                   {signing.Config{Compress: true}, record, true},
		"not worth it":                {signing.Config{Compress: true}, `{"visits":12}`, false},
		"nothing":                     {signing.Config{Compress: true}, "", false},
		"more than Loads may inflate": {signing.Config{Compress: true, MaxInflated: 199}, compressible, false},
		"as much as Loads inflates":   {signing.Config{Compress: true, MaxInflated: 200}, compressible, true},
	} {
		tt.config.SecretKey = secret
		s := newTimestampSigner(t, tt.config)
		signed := s.Dumps([]byte(tt.data), signedAt)
		if got := signed[0] == '.'; got != tt.want {
			t.Errorf("%s: compressed is %t, want %t", name, got, tt.want)
		}
		if got, _, err := s.Loads(signed, signedAt, 0); string(got) != tt.data || err != nil {
			t.Errorf("%s: Loads = %.20q, %v, want %.20q", name, got, err, tt.data)
		}
	}
}

// Django compresses only if len(z) < len(data)-1.
func TestCompressionMakesShorter(t *testing.T) {
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Compress: true})
	plain := newTimestampSigner(t, signing.Config{SecretKey: secret})
	seen := map[bool]bool{}
	for n := range len(record) {
		data := []byte(record[:n])
		signed := s.Dumps(data, signedAt)
		compressed := signed[0] == '.'
		seen[compressed] = true
		if z := base64.RawURLEncoding.DecodedLen(strings.IndexByte(signed, ':') - 1); compressed && z >= len(data)-1 {
			t.Errorf("%d bytes compressed to %d", len(data), z)
		}
		if want := plain.Dumps(data, signedAt); !compressed && signed != want {
			t.Errorf("not compressed: %q, want %q", signed, want)
		}
	}
	if len(seen) != 2 {
		t.Error("the samples are all on one side of the rule")
	}
}

func TestMalformedPayloads(t *testing.T) {
	forge := newSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	z := deflate(t, []byte(record))
	dictionary := []byte{0x78, 0xbb, 0, 0, 0, 2, 3, 0, 0, 0, 0, 1}

	for name, payload := range map[string]string{
		"line ends":               "eyJh\r\nIjoxfQ",
		"line end at the end":     "eyJhIjoxfQ\n",
		"carriage return":         "eyJhIjoxfQ\r",
		"padding":                 "eyJhIjoxfQ==",
		"standard alphabet":       "+/+/",
		"space":                   "eyJh Ijoxfg",
		"a byte over":             "eyJhIjoxf",
		"not ASCII":               "éé",
		"two dots":                "..eJyrVspWslKqGCZAqRYAxxtf5g",
		"dot alone":               ".",
		"not base64, compressed":  ".=",
		"line end, compressed":    ".eJyrVspWslKqGCZAq\nRYAxxtf5g",
		"not zlib":                "." + encode([]byte(record)),
		"half a header":           "." + encode(z[:1]),
		"header alone":            "." + encode(z[:2]),
		"cut":                     "." + encode(z[:len(z)/2]),
		"no checksum":             "." + encode(z[:len(z)-4]),
		"wrong checksum":          "." + encode(append(bytes.Clone(z[:len(z)-1]), z[len(z)-1]^1)),
		"needs a dictionary":      "." + encode(dictionary),
		"uncompressed, but a dot": ".eyJhIjoxfQ",
	} {
		data, _, err := s.Loads(forge.Sign(payload+":1r31eq"), signedAt, 0)
		if data != nil || !errors.Is(err, signing.ErrMalformed) {
			t.Errorf("%s: %q, %v, want ErrMalformed", name, data, err)
		}
	}
	if data, _, err := s.Loads(s.Dumps([]byte(record), signedAt), signedAt, 0); string(data) != record || err != nil {
		t.Errorf("after the malformed ones: %q, %v", data, err)
	}
}

func TestBombs(t *testing.T) {
	forge := newSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	bomb := func(size int) string {
		return forge.Sign("." + encode(deflate(t, make([]byte, size))) + ":1r31eq")
	}
	load := func(signed string) (err error) {
		_, _, err = s.Loads(signed, signedAt, 0)
		return err
	}

	for _, tt := range []struct {
		size int
		want error
	}{
		{1 << 20, nil},
		{1<<20 + 1, signing.ErrTooLarge},
		{3_000_000, signing.ErrTooLarge},
		{12_000_000, signing.ErrTooLarge},
	} {
		signed := bomb(tt.size)
		used := allocated(func() {
			if err := load(signed); !errors.Is(err, tt.want) {
				t.Errorf("%d bytes: %v, want %v", tt.size, err, tt.want)
			}
		})
		if used > 5<<20 {
			t.Errorf("%d bytes: allocated %d, want about the limit of 1 MiB, doubled up to", tt.size, used)
		}
	}

	forged := bomb(3_000_000)
	forged = forged[:len(forged)-1] + "!"
	used := allocated(func() {
		if err := load(forged); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("unsigned bomb: %v, want ErrBadSignature", err)
		}
	})
	if used > 32<<10 {
		t.Errorf("unsigned bomb: allocated %d bytes: it was inflated", used)
	}
}

func TestMaxInflated(t *testing.T) {
	signed := newTimestampSigner(t, signing.Config{SecretKey: secret, Compress: true}).Dumps([]byte(record), signedAt)
	for limit, want := range map[int]error{
		1:               signing.ErrTooLarge,
		len(record) - 1: signing.ErrTooLarge,
		len(record):     nil,
		len(record) + 1: nil,
		math.MaxInt:     nil,
	} {
		s := newTimestampSigner(t, signing.Config{SecretKey: secret, MaxInflated: limit})
		if _, _, err := s.Loads(signed, signedAt, 0); !errors.Is(err, want) {
			t.Errorf("limit %d: %v, want %v", limit, err, want)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	forge := newSigner(t, signing.Config{SecretKey: secret, Salt: "s"})
	for _, compress := range []bool{false, true} {
		s := newTimestampSigner(t, signing.Config{SecretKey: secret, Salt: "s", Compress: compress, MaxInflated: 1000})

		signed := s.AppendDumps([]byte("a:b"), []byte(record), signedAt)
		rest, found := bytes.CutPrefix(signed, []byte("a:b"))
		if want := s.Dumps([]byte(record), signedAt); !found || string(rest) != want {
			t.Errorf("AppendDumps = %q, want a:b and %q", signed, want)
		}

		before := []byte("before")
		got, at, err := s.AppendLoads(before, rest, signedAt, 0)
		if string(got) != "before"+record || !at.Equal(signedAt) || err != nil {
			t.Errorf("AppendLoads = %q, %v, %v", got, at, err)
		}

		for _, bad := range []string{
			"x",
			forge.Sign("=:1"),
			forge.Sign(".eJyr:1"),
			forge.Sign("." + encode(deflate(t, make([]byte, 1001))) + ":1"),
		} {
			if got, _, err := s.AppendLoads(before, []byte(bad), signedAt, 0); string(got) != "before" || err == nil {
				t.Errorf("AppendLoads of %.20q = %q, %v", bad, got, err)
			}
		}
	}
}

func TestLoadsReversesDumps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Compress = rapid.Bool().Draw(t, "compress")
		c.MaxInflated = rapid.IntRange(0, 64).Draw(t, "limit")
		s, err := signing.NewTimestampSigner(c)
		if err != nil {
			t.Fatal(err)
		}
		unit := rapid.SliceOf(rapid.Byte()).Draw(t, "unit")
		data := bytes.Repeat(unit, rapid.IntRange(1, 20).Draw(t, "times"))
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "seconds"), 0)
		got, gotAt, err := s.Loads(s.Dumps(data, at), at, time.Second)
		if !bytes.Equal(got, data) || !gotAt.Equal(at) || err != nil {
			t.Fatalf("Loads(Dumps(%q)) = %q, %v, %v", data, got, gotAt, err)
		}
	})
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func deflate(t testing.TB, data []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// allocated returns the bytes that f allocated, freed since or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
