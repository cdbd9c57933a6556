package ginsession_test

import (
	"errors"
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
)

func TestFileStore(t *testing.T) {
	for name, options := range map[string][]ginsession.FileOption{"synced": nil, "unsynced": {ginsession.Unsynced()}} {
		t.Run(name, func(t *testing.T) {
			enginetest.Store(t, func(t *testing.T) ginsession.Store {
				return openStore(t, ginsession.Config{Engine: ginsession.File(t.TempDir(), options...)})
			})
		})
	}
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

// TestFileIrregular has a link or a folder in the place of a session's file.
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

// No key has a file outside the folder or of another name.
func TestFileStaysInItsFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "sessions")
	store := openFileStore(t, dir)
	valid := regexp.MustCompile(`^[a-z0-9]{8,64}$`)
	for _, key := range []string{"", "short12", fileKey, "../" + fileKey, fileKey + "/../x", `..\` + fileKey, fileKey + "\x00", fileKey + "\n", "ABCDEFGH", ".ginsession"} {
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
	}
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
