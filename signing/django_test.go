package signing_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ginsession/ginsession/signing"
)

// A question is asked of Django, which answers as testdata/ask_django.py says.
type question struct {
	Op        string   `json:"op"`
	Key       string   `json:"key"`
	Fallbacks []string `json:"fallbacks"`
	Salt      string   `json:"salt"`
	Text      string   `json:"text"`
	Now       float64  `json:"now"`     // seconds
	MaxAge    float64  `json:"max_age"` // seconds, 0 is none
}

type django struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Scanner
}

func startDjango(t testing.TB) *django {
	t.Helper()
	python := findDjango()
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Python with Django: install it (apt-get install python3-django, or pip install django)")
		}
		t.Skip("NOT COMPARED WITH DJANGO: no Python with Django (apt-get install python3-django, or pip install django)")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/ask_django.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, 64<<20)
	return &django{t, in, answers}
}

func findDjango() string {
	for _, python := range []string{os.Getenv("PYTHON"), "/usr/bin/python3", "python3"} {
		if python != "" && exec.Command(python, "-c", "import django").Run() == nil {
			return python
		}
	}
	return ""
}

var djangoErrors = map[string]error{
	"":              nil,
	"expired":       signing.ErrExpired,
	"bad signature": signing.ErrBadSignature,
	"malformed":     signing.ErrMalformed,
}

func (d *django) ask(q question) (string, error) {
	d.t.Helper()
	if err := json.NewEncoder(d.in).Encode(q); err != nil {
		d.t.Fatal(err)
	}
	if !d.out.Scan() {
		d.t.Fatalf("Django ended: %v", d.out.Err())
	}
	var reply struct{ Text, Error string }
	if err := json.Unmarshal(d.out.Bytes(), &reply); err != nil {
		d.t.Fatal(err)
	}
	err, known := djangoErrors[reply.Error]
	if !known {
		d.t.Fatalf("Django's error %q", reply.Error)
	}
	return reply.Text, err
}

// TestDjango writes with each side and reads with the other.
func TestDjango(t *testing.T) {
	d := startDjango(t)
	version, err := d.ask(question{Op: "version", Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("comparing with Django %s", version)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		q := question{Key: "k" + randomText(random), Salt: randomText(random), Now: float64(random.IntN(1 << 33))}
		if version != "3.2" && random.IntN(2) == 0 {
			q.Fallbacks = []string{q.Key}
			q.Key = "new" + q.Key
		}
		compareTexts(t, d, q, randomText(random))
		compareData(t, d, q, randomData(random))
	}
}

func compareTexts(t *testing.T, d *django, q question, text string) {
	c := signing.Config{SecretKey: q.Key, SecretKeyFallbacks: q.Fallbacks, Salt: q.Salt}
	signer, stamper := newSigner(t, c), newTimestampSigner(t, c)
	now := time.Unix(int64(q.Now), 0)
	ask := func(op, text string) (string, error) {
		q.Op, q.Text = op, text
		return d.ask(q)
	}

	signed, stamped := signer.Sign(text), stamper.Sign(text, now)
	if got, err := ask("sign", text); got != signed || err != nil {
		t.Errorf("Sign(%q) = %q, Django's %q, %v", text, signed, got, err)
	}
	if got, err := ask("stamp", text); got != stamped || err != nil {
		t.Errorf("Sign(%q, %v) = %q, Django's %q, %v", text, now, stamped, got, err)
	}
	if got, err := ask("unsign", signed); got != text || err != nil {
		t.Errorf("Django reads %q as %q, %v", signed, got, err)
	}
	if got, err := ask("unstamp", stamped); got != text || err != nil {
		t.Errorf("Django reads %q as %q, %v", stamped, got, err)
	}
	for _, old := range q.Fallbacks {
		signed := newSigner(t, signing.Config{SecretKey: old, Salt: q.Salt}).Sign(text)
		got, err := signer.Unsign(signed)
		want, wantErr := ask("unsign", signed)
		if got != want || err != nil || wantErr != nil {
			t.Errorf("fallback: Unsign(%q) = %q, %v, Django's %q, %v", signed, got, err, want, wantErr)
		}
	}
}

func compareData(t *testing.T, d *django, q question, data []byte) {
	q.Salt += "x" // the default salts of dumps and TimestampSigner differ
	s := newTimestampSigner(t, signing.Config{SecretKey: q.Key, Salt: q.Salt, Compress: true})
	now := time.Unix(int64(q.Now), 0)
	text := latin1(data)

	q.Op, q.Text = "dumps", text
	signed, err := d.ask(q)
	if err != nil {
		t.Fatal(err)
	}
	got, at, err := s.Loads(signed, now, time.Second)
	if string(got) != string(data) || !at.Equal(now) || err != nil {
		t.Errorf("Loads(%q) = %q, %v, %v, want %q, %v", signed, got, at, err, data, now)
	}
	q.Op, q.Text = "loads", s.Dumps(data, now)
	if got, err := d.ask(q); got != text || err != nil {
		t.Errorf("Django reads %q as %q, %v, want %q", q.Text, got, err, text)
	}
}

// TestUnsignLikeDjango reads what is damaged, or signed by other rules, on both sides.
func TestUnsignLikeDjango(t *testing.T) {
	d := startDjango(t)
	const alphabet = `01rzAZ:::---.._=+/ é` + "\n"
	letters := []rune(alphabet)
	random := rand.New(rand.NewPCG(3, 4))
	config := signing.Config{SecretKey: secret, Salt: "s"}
	signer, stamper := newSigner(t, config), newTimestampSigner(t, config)
	outcomes := map[error]int{}

	for range 400 {
		text := "v:1r31eq"
		for range random.IntN(5) {
			letter := string(letters[random.IntN(len(letters))])
			i := random.IntN(len([]rune(text)) + 1)
			text = string([]rune(text)[:i]) + letter + string([]rune(text)[i:])
		}
		signed := signer.Sign(text)
		if random.IntN(4) == 0 {
			signed = text
		}
		age := time.Duration(random.IntN(5)) * time.Second / 2
		maxAge := time.Duration(random.IntN(5)) * time.Second / 2
		now := signedAt.Add(age)

		got, _, err := stamper.Unsign(signed, now, maxAge)
		want, wantErr := d.ask(question{
			Op: "unstamp", Key: secret, Salt: "s", Text: signed,
			Now: float64(now.UnixMilli()) / 1000, MaxAge: maxAge.Seconds(),
		})
		if got != want || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			t.Errorf("Unsign(%q) after %v of %v = %q, %v, Django's %q, %v", signed, age, maxAge, got, err, want, wantErr)
		}
		outcomes[wantErr]++
	}
	for name, outcome := range djangoErrors {
		if outcomes[outcome] < 10 {
			t.Errorf("only %d of the samples are %q", outcomes[outcome], name)
		}
	}
}

// FuzzLikeDjango reads what a stranger could send, and what the holder of the key could have
// signed by other rules, with Django at its side: both find the same text in it or the same
// fault, and data that is read here is the same there. Ages are in quarters of a second.
func FuzzLikeDjango(f *testing.F) {
	config := signing.Config{SecretKey: secret, Salt: "s"}
	signer, stamper := newSigner(f, config), newTimestampSigner(f, config)
	for _, text := range []string{
		"", ":", "::", "a:b", "value:1r31eq", "value:-1", "value:1r31e", ":0", ".:1", "v:é", "v: 1r31eq",
		signer.Sign("value"), stamper.Sign("value", signedAt), stamper.Dumps([]byte(record), signedAt),
		".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq", "eyJhIjoxfQ:1r31eq", "eyJhIjoxfR:1r31eq", "eyJh\nIjoxfQ==:1r31eq",
	} {
		f.Add(text, int16(0), uint16(0))
		f.Add(text, int16(5), uint16(4))
		f.Add(text, int16(-4), uint16(4))
	}
	running := startDjango(f)
	f.Fuzz(func(t *testing.T, text string, age int16, maxAge uint16) {
		d := &django{t, running.in, running.out}
		if !utf8.ValidString(text) {
			return // the question is JSON
		}
		const quarter = time.Second / 4
		now, limit := signedAt.Add(time.Duration(age)*quarter), time.Duration(maxAge)*quarter
		ask := func(op, text string) (string, error) {
			return d.ask(question{
				Op: op, Key: secret, Salt: "s", Text: text,
				Now: float64(now.UnixMilli()) / 1000, MaxAge: limit.Seconds(),
			})
		}
		compare := func(what, got string, err error, want string, wantErr error) {
			t.Helper()
			if got != want || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
				t.Errorf("%s(%q) after %v of %v = %q, %v, Django's %q, %v", what, text, now.Sub(signedAt), limit, got, err, want, wantErr)
			}
		}
		for _, signed := range []string{text, signer.Sign(text)} {
			got, err := signer.Unsign(signed)
			want, wantErr := ask("unsign", signed)
			compare("Signer.Unsign", got, err, want, wantErr)

			got, _, err = stamper.Unsign(signed, now, limit)
			want, wantErr = ask("unstamp", signed)
			compare("TimestampSigner.Unsign", got, err, want, wantErr)

			data, _, err := stamper.Loads(signed, now, limit)
			if err != nil {
				continue // Django passes over what is no base64; what it writes is read: TestDjango
			}
			want, wantErr = ask("loads", signed)
			compare("Loads", latin1(data), nil, want, wantErr)
		}
	})
}

// latin1 has one rune for each byte.
func latin1(data []byte) string {
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}

func randomText(random *rand.Rand) string {
	const letters = `abcXYZ019:.-_=+/ {}"\'é😀` + "\x00\r\n"
	runes := []rune(letters)
	var b strings.Builder
	for range random.IntN(20) {
		b.WriteRune(runes[random.IntN(len(runes))])
	}
	return b.String()
}

// randomData is compressible or not.
func randomData(random *rand.Rand) []byte {
	data := make([]byte, random.IntN(1000))
	spread := 1 << random.IntN(9)
	for i := range data {
		data[i] = byte(random.IntN(spread))
	}
	return data
}
