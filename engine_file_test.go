package ginsession_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/signing"
)

func TestFileStore(t *testing.T) {
	enginetest.Store(t, func(t *testing.T) ginsession.Store {
		return openStore(t, ginsession.Config{Engine: ginsession.File(t.TempDir())})
	})
}

func TestFileEngine(t *testing.T) {
	enginetest.Engine(t, func(t *testing.T) ginsession.Engine {
		return ginsession.File(t.TempDir())
	})
}

// newFileDesk makes a manager over a folder, with keys as they are.
func newFileDesk(t *testing.T, dir string, changes ...func(*ginsession.Config)) *desk {
	t.Helper()
	inFolder := func(cfg *ginsession.Config) { cfg.Engine = ginsession.File(dir) }
	return newDesk(t, append([]func(*ginsession.Config){inFolder}, changes...)...)
}

// openFileStore returns the store over a folder. What it logs is not looked at.
func openFileStore(t *testing.T, dir string) ginsession.Store {
	t.Helper()
	return openStore(t, ginsession.Config{Engine: ginsession.File(dir), Logger: slog.New(slog.DiscardHandler)})
}

// sessionFiles lists the files in a folder but for the engine's own.
func sessionFiles(t *testing.T, dir string) []string {
	t.Helper()
	return slices.DeleteFunc(allFiles(t, dir), func(name string) bool { return strings.HasPrefix(name, ".ginsession.") })
}

func allFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// temporaries lists the temporary files in a folder.
func temporaries(t *testing.T, dir string) []string {
	t.Helper()
	return slices.DeleteFunc(allFiles(t, dir), func(name string) bool { return !strings.HasSuffix(name, ".tmp") })
}

// writeFile writes what some other program may have: a file with a modification time.
func writeFile(t *testing.T, name, text string, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
}

const (
	fileKey  = "abcdefghijklmnopqrstuvwxyz012345"
	otherKey = "543210zyxwvutsrqponmlkjihgfedcba"
)

func TestFileNames(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ginsession.Config)
		prefix string
		digest bool
	}{
		"as Django names it": {func(*ginsession.Config) {}, "sessionid", false},
		"another cookie":     {func(cfg *ginsession.Config) { cfg.CookieName = "__Host-x.y"; cfg.CookieSecure = true }, "__Host-x.y", false},
		"hashed keys":        {func(cfg *ginsession.Config) { cfg.HashKeys = ginsession.On }, "sessionid", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := newFileDesk(t, dir, c.change)
			key := d.saved(t, map[string]any{"a": 1})
			files := sessionFiles(t, dir)
			if len(files) != 1 {
				t.Fatalf("files: %q, want one", files)
			}
			rest, ok := strings.CutPrefix(files[0], c.prefix)
			if !ok || (rest == key) == c.digest || len(rest) < 32 {
				t.Errorf("the file's name is %q, with the key %q", files[0], key)
			}
			data, err := os.ReadFile(filepath.Join(dir, files[0]))
			check(t, "content", string(data), `{"a":1}`)
			check(t, "error", err, nil)
			info, err := os.Stat(filepath.Join(dir, files[0]))
			if err != nil {
				t.Fatal(err)
			}
			check(t, "mode", info.Mode(), fs.FileMode(0o600))
			for _, file := range allFiles(t, dir) {
				info, err := os.Stat(filepath.Join(dir, file))
				if err != nil || info.Mode() != 0o600 {
					t.Errorf("%s has mode %v (%v), want that nobody else reads it", file, info.Mode(), err)
				}
			}
			check(t, "temporary files left", temporaries(t, dir), []string{})
		})
	}
}

func TestFileFolder(t *testing.T) {
	t.Run("made for the user alone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "sessions")
		newFileDesk(t, dir).saved(t, nil)
		check(t, "mode", mode(t, dir), fs.ModeDir|0o700)
	})
	t.Run("left as it is", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		newFileDesk(t, dir).saved(t, nil)
		check(t, "mode", mode(t, dir), fs.ModeDir|0o755)
	})
	t.Run("the system's for temporary files", func(t *testing.T) {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		if os.TempDir() != dir {
			t.Setenv("TMP", dir)
		}
		newFileDesk(t, "").saved(t, nil)
		check(t, "number of files", len(sessionFiles(t, dir)), 1)
	})
}

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestFileConfigErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "", start)
	for name, c := range map[string]struct {
		cfg  ginsession.Config
		want []string
	}{
		"the parent is missing": {ginsession.Config{Engine: ginsession.File(filepath.Join(dir, "a", "b"))}, []string{"Engine", filepath.Join(dir, "a", "b"), "whose parent exists"}},
		"a file":                {ginsession.Config{Engine: ginsession.File(file)}, []string{"Engine", file}},
		"inside a file":         {ginsession.Config{Engine: ginsession.File(filepath.Join(file, "b"))}, []string{"Engine", file}},
		"a NUL":                 {ginsession.Config{Engine: ginsession.File("a\x00b")}, []string{"Engine"}},
		"names would be too long": {
			ginsession.Config{Engine: ginsession.File(dir), CookieName: strings.Repeat("n", 192)},
			[]string{"CookieName", "at most 191"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ginsession.NewManager(c.cfg)
			if !errors.Is(err, ginsession.ErrConfig) || m != nil {
				t.Fatalf("NewManager: %v, %v; want ErrConfig", m, err)
			}
			checkContains(t, err.Error(), c.want...)
		})
	}
	check(t, "files", allFiles(t, dir), []string{"file"})
	newFileDesk(t, dir, func(cfg *ginsession.Config) { cfg.CookieName = strings.Repeat("n", 191) }).saved(t, nil)
}

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
		written time.Time // the zero time where Django does not look at it
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

// TestFileEmpty has a file without bytes: a session that Django is just making, or was when it
// died or the disk was full.
func TestFileEmpty(t *testing.T) {
	for _, change := range []func(*ginsession.Config){func(*ginsession.Config) {}, withSecret} {
		dir := t.TempDir()
		d := newFileDesk(t, dir, change)
		file := filepath.Join(dir, "sessionid"+fileKey)
		writeFile(t, file, "", start)

		s := d.session(t, fileKey)
		check(t, "Load", s.Load(), nil)
		check(t, "key", s.Key(), fileKey)
		check(t, "items", s.Items(), map[string]any{})
		checkContains(t, d.log.String(), "level=WARN", "no bytes")
		err := openFileStore(t, dir).Create(t.Context(), fileKey, ginsession.Record{Expires: start.Add(time.Hour)}, start)
		if !errors.Is(err, ginsession.ErrExists) {
			t.Errorf("Create: %v, want ErrExists", err)
		}
		s.Set("a", 1)
		save(t, s)
		check(t, "a", d.session(t, fileKey).Get("a"), int64(1))

		writeFile(t, file, "", start)
		d.clock.Advance(14*24*time.Hour - time.Second)
		checkCleared(t, d.Manager, 0)
		d.clock.Advance(time.Second)
		checkExists(t, d, fileKey, false)
		checkCleared(t, d.Manager, 1)
		check(t, "files", sessionFiles(t, dir), []string{})
	}
}

func checkCleared(t *testing.T, m *ginsession.Manager, want int64, options ...ginsession.ClearOption) {
	t.Helper()
	removed, err := m.ClearExpired(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "removed", removed, want)
}

// TestFileIrregular has something else where a session's file should be.
func TestFileIrregular(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for name, put := range map[string]func(file, inside string) error{
		"a link to another session": func(file, inside string) error { return os.Symlink(filepath.Base(inside), file) },
		"a link by its full path":   func(file, inside string) error { return os.Symlink(inside, file) },
		"a link to the outside":     func(file, _ string) error { return os.Symlink(outside, file) },
		"a dangling link":           func(file, _ string) error { return os.Symlink("nowhere", file) },
		"a folder":                  func(file, _ string) error { return os.Mkdir(file, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, inside := filepath.Join(dir, "sessionid"+fileKey), filepath.Join(dir, "sessionid"+otherKey)
			const text = `{"a":1}`
			writeFile(t, outside, text, start)
			writeFile(t, inside, text, start)
			if err := put(file, inside); err != nil {
				t.Skip("SKIPPED: ", err)
			}
			before, err := os.Lstat(file)
			if err != nil {
				t.Fatal(err)
			}

			d := newFileDesk(t, dir)
			s := d.session(t, fileKey)
			check(t, "Load", s.Load(), nil)
			check(t, "a", s.Get("a"), nil)
			check(t, "key", s.Key(), "")
			checkContains(t, d.log.String(), "level=WARN", "treated as no session")
			store := openFileStore(t, dir)
			next := ginsession.Record{Data: []byte(`{"b":2}`), Expires: start.Add(time.Hour)}
			write := func(ginsession.Record) (ginsession.Record, error) { return next, nil }
			_, err = store.Update(t.Context(), fileKey, ginsession.Record{Data: []byte(text)}, start, write)
			checkNotFound(t, "Update", err)
			_, err = store.Replace(t.Context(), fileKey, strings.Repeat("n", 32), ginsession.Record{}, start, write)
			checkNotFound(t, "Replace", err)
			checkNotFound(t, "Touch", store.Touch(t.Context(), fileKey, start.Add(time.Hour), start))
			d.clock.Advance(13 * 24 * time.Hour)
			checkCleared(t, d.Manager, 0)
			after, err := os.Lstat(file)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("something else is there now: %v", err)
			}
			err = store.Create(t.Context(), fileKey, next, start) // in its place, not through it
			check(t, "Create", err == nil, name != "a folder")
			check(t, "Delete", d.Delete(t.Context(), fileKey), nil)
			for _, target := range []string{inside, outside} {
				data, err := os.ReadFile(target)
				check(t, "the target", string(data), text)
				check(t, "error", err, nil)
			}
			if strings.Contains(d.log.String(), fileKey) {
				t.Error("the key was logged:", d.log)
			}
		})
	}
}

func checkNotFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("%s: %v, want ErrNotFound", what, err)
	}
}

// TestFileKeys gives a store keys that name no session, though the session passes on none.
func TestFileKeys(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "sessions")
	store := openFileStore(t, dir)
	r := ginsession.Record{Data: []byte("{}"), Expires: start.Add(time.Hour)}
	write := func(ginsession.Record) (ginsession.Record, error) { return r, nil }
	if err := store.Create(t.Context(), fileKey, r, start); err != nil {
		t.Fatal(err)
	}
	files := sessionFiles(t, dir)
	for _, key := range []string{
		"", "short12", "../" + fileKey, "..", "/etc/passwd", `..\` + fileKey, "x/../" + fileKey, fileKey + "/", fileKey + "\x00",
		fileKey + "\n", " " + fileKey, strings.ToUpper(fileKey), fileKey + "_", "-" + fileKey, "ä" + fileKey, strings.Repeat("x", 65), fileKey + ".tmp",
	} {
		t.Run(strconv.Quote(key), func(t *testing.T) {
			_, err := store.Load(t.Context(), key, start)
			checkNotFound(t, "Load", err)
			if err := store.Create(t.Context(), key, r, start); err == nil {
				t.Error("Create: no error")
			}
			_, err = store.Update(t.Context(), key, r, start, write)
			checkNotFound(t, "Update", err)
			_, err = store.Replace(t.Context(), key, otherKey, r, start, write)
			checkNotFound(t, "Replace", err)
			if _, err = store.Replace(t.Context(), fileKey, key, r, start, write); err == nil {
				t.Error("Replace by it: no error")
			}
			checkNotFound(t, "Touch", store.Touch(t.Context(), key, start.Add(time.Hour), start))
			check(t, "Delete", store.Delete(t.Context(), key), nil)
		})
	}
	check(t, "files", sessionFiles(t, dir), files)
	check(t, "beside the folder", allFiles(t, parent), []string{"sessions"})
}

// TestFileReplaceOfTwo has Replace move a session onto another one.
func TestFileReplaceOfTwo(t *testing.T) {
	store := openFileStore(t, t.TempDir())
	for _, key := range []string{fileKey, otherKey} {
		r := ginsession.Record{Data: []byte(`"` + key + `"`), Expires: start.Add(time.Hour)}
		if err := store.Create(t.Context(), key, r, start); err != nil {
			t.Fatal(err)
		}
	}
	_, err := store.Replace(t.Context(), fileKey, otherKey, ginsession.Record{}, start, func(r ginsession.Record) (ginsession.Record, error) { return r, nil })
	if !errors.Is(err, ginsession.ErrExists) {
		t.Errorf("Replace: %v, want ErrExists", err)
	}
	for _, key := range []string{fileKey, otherKey} {
		r, err := store.Load(t.Context(), key, start)
		check(t, "data", string(r.Data), `"`+key+`"`)
		check(t, "error", err, nil)
	}
}

// FuzzFileName looks for a key whose file is not where it should be.
func FuzzFileName(f *testing.F) {
	for _, key := range []string{"", "short12", fileKey, "../" + fileKey, fileKey + "/../x", `..\` + fileKey, fileKey + "\x00", "ABCDEFGH", ".ginsession"} {
		f.Add(key)
	}
	parent := f.TempDir()
	dir := filepath.Join(parent, "sessions")
	store, err := ginsession.OpenStore(ginsession.Config{Engine: ginsession.File(dir)})
	if err != nil {
		f.Fatal(err)
	}
	valid := regexp.MustCompile(`^[a-z0-9]{8,64}$`)
	f.Fuzz(func(t *testing.T, key string) {
		want := []string{}
		if valid.MatchString(key) {
			want = append(want, "sessionid"+key)
		}
		err := store.Create(t.Context(), key, ginsession.Record{Data: []byte("{}"), Expires: start.Add(time.Hour)}, start)
		check(t, "Create", err == nil, len(want) == 1)
		check(t, "files", sessionFiles(t, dir), want)
		check(t, "Delete", store.Delete(t.Context(), key), nil)
		check(t, "files after Delete", sessionFiles(t, dir), []string{})
		check(t, "beside the folder", allFiles(t, parent), []string{"sessions"})
	})
}

// TestFileErrorsHideTheKey has every operation fail for want of the folder's health.
func TestFileErrorsHideTheKey(t *testing.T) {
	dir := t.TempDir()
	store := openFileStore(t, dir)
	r := ginsession.Record{Data: []byte("{}"), Expires: start.Add(time.Hour)}
	write := func(ginsession.Record) (ginsession.Record, error) { return r, nil }
	if err := store.Create(t.Context(), fileKey, r, start); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(dir, "sessionid"+otherKey)
	if err := os.MkdirAll(filepath.Join(taken, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantError := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
			return
		}
		for _, secret := range []string{fileKey, otherKey, "sessionid"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", what, err)
			}
		}
		checkContains(t, err.Error(), "ginsession: ", " cannot be ")
	}
	wantError("Create", store.Create(t.Context(), otherKey, r, start))
	wantError("Delete", store.Delete(t.Context(), otherKey))
	_, err := store.Replace(t.Context(), fileKey, otherKey, r, start, write)
	wantError("Replace", err)
	check(t, "temporary files left", temporaries(t, dir), []string{})
	if _, err := store.Load(t.Context(), fileKey, start); err != nil {
		t.Error("after a Replace that failed:", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	wantError("Create without the folder", store.Create(t.Context(), fileKey, r, start))
	wantError("Delete without the folder", store.Delete(t.Context(), fileKey))
}

func TestFileClearExpired(t *testing.T) {
	dir := t.TempDir()
	d := newFileDesk(t, dir)
	const expired, alive = 600, 300
	old, young := start.Add(-15*24*time.Hour), start.Add(-13*24*time.Hour)
	for i := range expired {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("sessionid%032d", i)), `{"a":1}`, old)
	}
	for i := range alive {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("sessionid%032d", expired+i)), `{"a":1}`, young)
	}
	corrupt := "sessionid" + strings.Repeat("c", 32)
	writeFile(t, filepath.Join(dir, corrupt), `{"a`, old)
	seconds := func(d time.Duration) string { return strconv.FormatInt(start.Add(d).Unix(), 10) }
	leftBehind := ".ginsession." + seconds(-time.Hour-time.Second) + ".SOMEBODY.7.tmp"
	writeFile(t, filepath.Join(dir, leftBehind), `{"a":`, old)
	others := []string{
		".ginsession." + seconds(-time.Hour) + ".SOMEBODY.8.tmp",
		".ginsession." + seconds(time.Hour) + ".SOMEBODY.9.tmp",
		".ginsession.today.SOMEBODY.9.tmp", ".ginsession.notes.txt", ".ginsession.0.63.lock",
		"README", "sessionid", "sessionid-x", "sessionidSHOUTED1", "other" + fileKey,
		"sessionid" + fileKey + "_out_x1y2z3", "x.sessionid" + fileKey,
	}
	for _, name := range others {
		writeFile(t, filepath.Join(dir, name), `{"a":1}`, old)
	}

	var progress []int64
	checkCleared(t, d.Manager, expired+1, ginsession.ClearBatchSize(250), ginsession.ClearPause(0),
		ginsession.ClearProgress(func(removed int64) { progress = append(progress, removed) }))
	check(t, "progress", progress, []int64{250, 500, expired + 1})
	left := allFiles(t, dir)
	for _, name := range others {
		if !slices.Contains(left, name) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range []string{leftBehind, corrupt} {
		if slices.Contains(left, name) {
			t.Errorf("%s is still there", name)
		}
	}
	for i := range alive {
		checkExists(t, d, fmt.Sprintf("%032d", expired+i), true)
	}
	checkCleared(t, d.Manager, 0)
}

// TestFileClearExpiredPassesOver has files that cannot be cleared: their locks cannot be had.
func TestFileClearExpiredPassesOver(t *testing.T) {
	dir := t.TempDir()
	d := newFileDesk(t, dir)
	const sessions = 300
	for i := range sessions {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("sessionid%032d", i)), `{"a":1}`, start.Add(-15*24*time.Hour))
	}
	d.saved(t, nil)
	locks, err := filepath.Glob(filepath.Join(dir, ".ginsession.*.lock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lock := range locks {
		if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := d.ClearExpired(t.Context())
	if !errors.Is(err, ginsession.ErrUnavailable) || strings.Contains(err.Error(), "sessionid") {
		t.Errorf("error: %v, want ErrUnavailable and no name", err)
	}
	left := len(sessionFiles(t, dir)) - 1
	if left == 0 || left > sessions/4 || int(removed) != sessions-left {
		t.Errorf("%d removed, %d left of %d; want those of %d among 64 locks left", removed, left, sessions, len(locks))
	}
}

// BenchmarkFile is READ and WRITE of a store, each beside what its file operations cost alone.
func BenchmarkFile(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		benchmarkFile(b, ginsession.Config{}, func(text []byte) []byte { return text })
	})
	b.Run("signed", func(b *testing.B) {
		signer := recordSigner(b)
		benchmarkFile(b, ginsession.Config{SecretKey: testSecret}, func(text []byte) []byte { return signer.AppendDumps(nil, text, start) })
	})
}

func benchmarkFile(b *testing.B, cfg ginsession.Config, seal func(text []byte) []byte) {
	const sessions = 1000
	dir := b.TempDir()
	cfg.Engine = ginsession.File(dir)
	store, err := ginsession.OpenStore(cfg)
	if err != nil {
		b.Fatal(err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { folder.Close() })

	text := `{"cart":[101,205,309],"csrf":"` + strings.Repeat("c", 100) + `","name":"Ada Lovelace","theme":"dark","visits":%d}`
	key := func(n int) string { return fmt.Sprintf("%032d", n%sessions) }
	file := func(n int) string { return filepath.Join(dir, "sessionid"+key(n)) }
	record := func(n int) ginsession.Record {
		return ginsession.Record{Data: seal(fmt.Appendf(nil, text, 1_000_000+n)), Expires: start.Add(time.Hour)}
	}
	for n := range sessions {
		if err := store.Create(b.Context(), key(n), record(n), start); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		run  func(n int) error
	}{
		{"READ", func(n int) error {
			_, err := store.Load(b.Context(), key(n), start)
			return err
		}},
		{"READ/raw", func(n int) error {
			_, err := os.ReadFile(file(n))
			return err
		}},
		{"WRITE", func(n int) error {
			next := record(sessions + n)
			_, err := store.Update(b.Context(), key(n), ginsession.Record{}, start, func(ginsession.Record) (ginsession.Record, error) { return next, nil })
			return err
		}},
		{"WRITE/raw", func(n int) error { return rawWrite(folder, file(n), record(sessions+n).Data, true) }},
		{"WRITE/raw,unsynced", func(n int) error { return rawWrite(folder, file(n), record(sessions+n).Data, false) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := c.run(n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// rawWrite writes a temporary file and renames it.
func rawWrite(folder *os.File, name string, data []byte, sync bool) error {
	f, err := os.CreateTemp(folder.Name(), "tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close(), os.Rename(f.Name(), name)); err != nil || !sync {
		return err
	}
	return folder.Sync()
}
