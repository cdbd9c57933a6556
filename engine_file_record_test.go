package ginsession_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// A store reads again what it writes, whatever that is, unless the record's own expiry has ended it.
func TestFileRecordIsKept(t *testing.T) {
	store := openFileStore(t, t.TempDir())
	for _, data := range []string{
		"", "\n", "\n\n", " ", "{}", `{"a":1}`, "{}\n", `{"a":1,"_session_expiry":60}`, `{"_session_expiry":"2026-11-24T04:45:00.000000+00:00"}`,
		`{"_session_expiry":-9223372036854775808}`, `{"_session_expiry":1e400}`, `{"_session_expiry":"0000-00-00"}`, `{"_session_started":0}`, `{"a":NaN}`,
		`{"a`, strings.Repeat("[", 1001), "\x00\xff", `eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo`, `.eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8`,
	} {
		checkRecordKept(t, store, []byte(data))
	}
}

// checkRecordKept stores data and reads it again.
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
