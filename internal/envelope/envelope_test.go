package envelope_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/envelope"
)

var (
	oldKey = strings.Repeat("o", 32)
	newKey = strings.Repeat("n", 64)
	at     = time.Unix(1_800_000_000, 0)
)

func sealer(t testing.TB, keys ...string) *envelope.Sealer {
	t.Helper()
	s, err := envelope.New(keys, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpen(t *testing.T) {
	sealed := sealer(t, oldKey).Seal([]byte("text"), at, "here")
	otherPurpose, err := envelope.New([]string{oldKey}, "another")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		sealer *envelope.Sealer
		data   []byte
		place  string
		opens  bool
	}{
		"the key":            {sealer(t, oldKey), sealed, "here", true},
		"a retired key":      {sealer(t, newKey, oldKey), sealed, "here", true},
		"another key":        {sealer(t, newKey), sealed, "here", false},
		"another place":      {sealer(t, oldKey), sealed, "there", false},
		"another purpose":    {otherPurpose, sealed, "here", false},
		"nothing":            {sealer(t, oldKey), nil, "here", false},
		"the prefix alone":   {sealer(t, oldKey), []byte("gs1."), "here", false},
		"without the prefix": {sealer(t, oldKey), sealed[4:], "here", false},
		"a line break":       {sealer(t, oldKey), append(bytes.Clone(sealed), '\n'), "here", false},
		"plain text":         {sealer(t, oldKey), []byte(`{"a":1}`), "here", false},
	} {
		text, opened, err := tt.sealer.Open(tt.data, tt.place)
		if tt.opens != (err == nil) || err != nil && !errors.Is(err, envelope.ErrOpen) {
			t.Errorf("%s: %v, want opened %t", name, err, tt.opens)
		}
		if tt.opens && (string(text) != "text" || !opened.Equal(at)) {
			t.Errorf("%s: %q of %v", name, text, opened)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, _, err := sealer(t, oldKey).Open(changed, "here"); err == nil {
			t.Errorf("byte %d changed: opened", i)
		}
		if _, _, err := sealer(t, oldKey).Open(sealed[:i], "here"); err == nil {
			t.Errorf("cut at %d: opened", i)
		}
	}
}

func TestSealTwice(t *testing.T) {
	s := sealer(t, oldKey)
	if bytes.Equal(s.Seal([]byte("text"), at, ""), s.Seal([]byte("text"), at, "")) {
		t.Error("two seals of one text are the same")
	}
}

func TestBadKeys(t *testing.T) {
	for _, keys := range [][]string{nil, {""}, {strings.Repeat("x", 31)}, {newKey, "short"}} {
		if _, err := envelope.New(keys, "test"); err == nil || strings.Contains(err.Error(), "xx") {
			t.Errorf("New with %d keys: %v", len(keys), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, oldKey)
	f.Add([]byte("gs1.AAAA"), "here")
	f.Add(s.Seal([]byte("text"), at, "here"), "there")
	f.Fuzz(func(t *testing.T, data []byte, place string) {
		if text, _, err := s.Open(data, place); err == nil {
			t.Errorf("opened %q as %q", data, text)
		}
		sealed := s.Seal(data, at, place)
		if text, opened, err := s.Open(sealed, place); err != nil || !bytes.Equal(text, data) || !opened.Equal(at) {
			t.Errorf("Seal and Open of %q: %q, %v, %v", data, text, opened, err)
		}
	})
}
