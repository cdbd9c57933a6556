package ginsession_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/signing"
)

// TestFileExpiry judges files as Django writes them: at the time that the file has.
func TestFileExpiry(t *testing.T) {
	const week = 7 * 24 * time.Hour
	written := start.Add(123456789 * time.Nanosecond)
	for name, c := range map[string]struct {
		data string
		want time.Time
	}{
		"no expiry":               {`{"a":1}`, start.Add(2 * week)},
		"no data":                 {`{}`, start.Add(2 * week)},
		"browser close":           {`{"_session_expiry":0}`, start.Add(2 * week)},
		"null":                    {`{"_session_expiry":null}`, start.Add(2 * week)},
		"a minute":                {`{"a":1,"_session_expiry":60}`, start.Add(time.Minute)},
		"a minute and spaces":     {`{"a": 1, "_session_expiry": 60}`, start.Add(time.Minute)},
		"a year":                  {`{"_session_expiry":31536000}`, start.Add(365 * 24 * time.Hour)},
		"a date":                  {`{"_session_expiry":"2026-11-24T04:45:00.000000+00:00"}`, start.Add(24 * time.Hour)},
		"a date with a fraction":  {`{"_session_expiry":"2026-11-24T04:45:00.999999+00:00"}`, start.Add(24 * time.Hour)},
		"a date beyond CookieAge": {`{"_session_expiry":"2027-11-23T04:45:00.000000+00:00"}`, start.Add(365 * 24 * time.Hour)},
		"a date in local time":    {`{"_session_expiry":"2026-11-24T04:45:00.000000"}`, start.Add(24 * time.Hour)},
		"another program's":       {`{"_session_expiry":[60]}`, start.Add(2 * week)},
		"the name as a value":     {`{"a":"_session_expiry"}`, start.Add(2 * week)},
		"the name further in":     {`{"a":{"_session_expiry":60}}`, start.Add(2 * week)},
		"no session":              {`_session_expiry`, start.Add(2 * week)},
		"over already":            {`{"_session_expiry":-60}`, start.Add(-time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			judgeFile(t, ginsession.Config{}, c.data, written, c.want)
		})
		t.Run(name+", signed", func(t *testing.T) {
			judgeFile(t, ginsession.Config{SecretKey: testSecret}, signedRecord(t, c.data), written, c.want)
		})
	}
}

func signedRecord(t *testing.T, text string) string {
	t.Helper()
	return string(recordSigner(t).AppendDumps(nil, []byte(text), start))
}

// recordSigner signs as a manager does that has testSecret.
func recordSigner(tb testing.TB) *signing.TimestampSigner {
	tb.Helper()
	signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: testSecret, Salt: "django.contrib.sessions.SessionStore", Compress: true})
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

// judgeFile checks that a file lives until want, to a store and to its cleaner.
func judgeFile(t *testing.T, cfg ginsession.Config, data string, written, want time.Time) {
	t.Helper()
	dir := t.TempDir()
	cfg.Engine = ginsession.File(dir)
	store := openStore(t, cfg)
	file := filepath.Join(dir, "sessionid"+fileKey)
	writeFile(t, file, data, written)

	before := want.Add(-time.Second)
	r, err := store.Load(t.Context(), fileKey, before)
	if err != nil {
		t.Fatal("a second before its end:", err)
	}
	check(t, "data", string(r.Data), data)
	if !r.Expires.Equal(want) {
		t.Errorf("it ends at %v, want %v", r.Expires, want)
	}
	_, err = store.Load(t.Context(), fileKey, want)
	if !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("at its end: %v, want ErrNotFound", err)
	}
	for _, now := range []time.Time{before, want} {
		removed, err := store.ClearExpired(t.Context(), now, ginsession.ClearOptions{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "removed", removed == 1, now.Equal(want))
	}
	check(t, "files", sessionFiles(t, dir), []string{})
}

// TestFileTimes looks at what Django judges our files by.
func TestFileTimes(t *testing.T) {
	const age = 14 * 24 * time.Hour
	limited := func(cfg *ginsession.Config) { cfg.MaxLifetime = time.Hour }
	for name, c := range map[string]struct {
		change  func(*ginsession.Config)
		expiry  ginsession.Expiry
		written time.Time // the zero time if Django does not look at it
		lives   time.Duration
	}{
		"default":                 {nil, ginsession.ExpireDefault, start, age},
		"browser close":           {nil, ginsession.ExpireAtBrowserClose, start, age},
		"a minute":                {nil, ginsession.ExpireAfter(time.Minute), start, time.Minute},
		"a year":                  {nil, ginsession.ExpireAfter(365 * 24 * time.Hour), start, 365 * 24 * time.Hour},
		"a date":                  {nil, ginsession.ExpireAt(start.Add(time.Hour)), time.Time{}, time.Hour},
		"a date beyond CookieAge": {nil, ginsession.ExpireAt(start.Add(2 * age)), time.Time{}, 2 * age},
		"limited":                 {limited, ginsession.ExpireDefault, start.Add(time.Hour - age), time.Hour},
		"limited, a minute":       {limited, ginsession.ExpireAfter(time.Minute), start, time.Minute},
		"limited, a day":          {limited, ginsession.ExpireAfter(24 * time.Hour), start.Add(-23 * time.Hour), time.Hour},
		"limited, a date":         {limited, ginsession.ExpireAt(start.Add(age)), time.Time{}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*ginsession.Config) {}
			}
			dir := t.TempDir()
			d := newFileDesk(t, dir, c.change)
			s := d.session(t, "")
			s.Set("a", 1)
			s.SetExpiry(c.expiry)
			save(t, s)
			info, err := os.Stat(filepath.Join(dir, "sessionid"+s.Key()))
			if err != nil {
				t.Fatal(err)
			}
			if !c.written.IsZero() && !info.ModTime().Equal(c.written) {
				t.Errorf("the file's time is %v, want %v", info.ModTime(), c.written)
			}
			d.clock.Advance(c.lives - time.Second)
			checkExists(t, d, s.Key(), true)
			d.clock.Advance(time.Second)
			checkExists(t, d, s.Key(), false)
		})
	}
}

func checkExists(t *testing.T, d *desk, key string, want bool) {
	t.Helper()
	got, err := d.Exists(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "exists", got, want)
}

// TestFileExtended has requests that change nothing extend a session.
func TestFileExtended(t *testing.T) {
	for name, expiry := range map[string]ginsession.Expiry{
		"default":  ginsession.ExpireDefault,
		"a minute": ginsession.ExpireAfter(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := newFileDesk(t, dir, func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
			w := newSiteWith(t, d)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1); s.SetExpiry(expiry) })
			file := filepath.Join(dir, "sessionid"+v.key())
			before, _ := os.ReadFile(file)
			d.clock.Advance(45 * time.Second)
			v.get(func(*ginsession.Session) {})
			after, _ := os.ReadFile(file)
			check(t, "content", string(after), string(before))
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if want := start.Add(45 * time.Second); !info.ModTime().Equal(want) {
				t.Errorf("the file's time is %v, want %v", info.ModTime(), want)
			}
		})
	}
}
