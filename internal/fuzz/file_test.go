package fuzz

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// FuzzFileRecord writes any bytes to a session's file, with any modification time near now. They
// are a session, or an empty one without a key.
func FuzzFileRecord(f *testing.F) {
	for _, data := range []string{
		"", "\n", "\n\n", " ", "{}", `{"a":1}`, "{}\n", `{"a":1,"_session_expiry":60}`, `{"_session_expiry":"2026-11-24T04:45:00.000000+00:00"}`,
		`{"_session_expiry":-9223372036854775808}`, `{"_session_expiry":1e400}`, `{"_session_expiry":"0000-00-00"}`, `{"_session_started":0}`, `{"a":NaN}`,
		`{"a`, strings.Repeat("[", 1001), "\x00\xff", `eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo`, `.eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8`,
	} {
		for _, age := range []int64{0, 59, 15 * 24 * 3600} {
			f.Add([]byte(data), age)
		}
	}
	dir := f.TempDir()
	configs := []ginsession.Config{{}, {SecretKey: "ginsession-test-secret"}, {MaxLifetime: time.Hour}}
	var managers []*ginsession.Manager
	for i := range configs {
		cfg := &configs[i]
		cfg.Engine, cfg.HashKeys = ginsession.File(dir), ginsession.Off
		cfg.Clock = func() time.Time { return testsite.Start }
		cfg.Logger = slog.New(slog.DiscardHandler)
		m, err := ginsession.NewManager(*cfg)
		if err != nil {
			f.Fatal(err)
		}
		managers = append(managers, m)
	}
	file := filepath.Join(dir, "sessionid"+planted)
	f.Fuzz(func(t *testing.T, data []byte, age int64) {
		written := testsite.Start.Add(-time.Duration(age%(30*24*3600)) * time.Second)
		for _, m := range managers {
			writeFile(t, file, data, written)
			s := m.Open(t.Context(), planted)
			items := s.Items()
			if s.Err() != nil || s.Key() == "" && len(items) > 0 {
				t.Fatalf("%q is %v under the key %q: %v", data, items, s.Key(), s.Err())
			}
			s.Set("fuzzed", true)
			if err := s.Save(); err != nil {
				t.Fatal(err)
			}
			if got := m.Open(t.Context(), s.Key()).Get("fuzzed"); got != true && len(items) == 0 {
				t.Fatalf("beside %q: fuzzed = %v", data, got)
			}
			if err := m.Delete(t.Context(), s.Key()); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(file)
	})
}

func writeFile(t *testing.T, name string, data []byte, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
}
