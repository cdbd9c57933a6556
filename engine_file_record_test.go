package ginsession_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// FuzzFileRecord writes any bytes to a session's file, with any modification time near now. They
// are a session, or an empty one without a key, and a store reads again what it writes.
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
	configs := []ginsession.Config{{}, {SecretKey: testSecret}, {MaxLifetime: time.Hour}}
	var managers []*ginsession.Manager
	for i := range configs {
		cfg := &configs[i]
		cfg.Engine, cfg.HashKeys = ginsession.File(dir), ginsession.Off
		cfg.Clock = func() time.Time { return start }
		cfg.Logger = slog.New(slog.DiscardHandler)
		m, err := ginsession.NewManager(*cfg)
		if err != nil {
			f.Fatal(err)
		}
		managers = append(managers, m)
	}
	store, err := ginsession.OpenStore(configs[0])
	if err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(dir, "sessionid"+fileKey)
	f.Fuzz(func(t *testing.T, data []byte, age int64) {
		written := start.Add(-time.Duration(age%(30*24*3600)) * time.Second)
		for _, m := range managers {
			writeFile(t, file, string(data), written)
			s := m.Open(t.Context(), fileKey)
			items := s.Items()
			if s.Err() != nil || s.Key() == "" && len(items) > 0 {
				t.Fatalf("%q is %v under the key %q: %v", data, items, s.Key(), s.Err())
			}
			s.Set("fuzzed", true)
			save(t, s)
			if got := m.Open(t.Context(), s.Key()).Get("fuzzed"); got != true && len(items) == 0 {
				t.Fatalf("beside %q: fuzzed = %v", data, got)
			}
			if err := m.Delete(t.Context(), s.Key()); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(file)
		checkRecordKept(t, store, data)
	})
}

// checkRecordKept stores data and reads it again, unless its own expiry has ended it.
func checkRecordKept(t *testing.T, store ginsession.Store, data []byte) {
	t.Helper()
	if err := store.Create(t.Context(), fileKey, ginsession.Record{Data: data, Expires: start.Add(time.Hour)}, start); err != nil {
		t.Fatal(err)
	}
	r, err := store.Load(t.Context(), fileKey, start)
	if err == nil && string(r.Data) != string(data) {
		t.Fatalf("%q came back as %q", data, r.Data)
	}
	if err != nil && !(errors.Is(err, ginsession.ErrNotFound) && strings.Contains(string(data), "_session_expiry")) {
		t.Fatalf("Load of %q: %v", data, err)
	}
	if err := store.Delete(t.Context(), fileKey); err != nil {
		t.Fatal(err)
	}
}
