//go:build unix

package ginsession_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// somebody is a user who is not the one that runs the tests.
const somebody = 54321

// giveAway makes somebody else own a file, which only root can do.
func giveAway(t *testing.T, name string) {
	t.Helper()
	if err := os.Lchown(name, somebody, somebody); err != nil {
		t.Skip("SKIPPED: giving a file to another user takes root: ", err)
	}
}

// sharedDir makes a folder with a mode.
func sharedDir(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

const sticky = fs.ModeSticky | 0o777 // what /tmp has

func TestFileFolderOfOthers(t *testing.T) {
	const (
		good   = ""
		plant  = "other users can add files"
		rename = "other users can replace the files"
	)
	for name, c := range map[string]struct {
		mode             fs.FileMode
		others           bool // the folder is another user's
		unsigned, signed string
	}{
		"private":                {0o700, false, good, good},
		"readable by all":        {0o755, false, good, good},
		"set-group-ID":           {fs.ModeSetgid | 0o755, false, good, good},
		"writable by the group":  {0o770, false, rename, rename},
		"writable by all":        {0o777, false, rename, rename},
		"as /tmp is":             {sticky, false, plant, good},
		"sticky, for the group":  {fs.ModeSticky | 0o770, false, plant, good},
		"another user's":         {0o755, true, rename, rename},
		"another user's, sticky": {sticky, true, rename, rename},
	} {
		t.Run(name, func(t *testing.T) {
			dir := sharedDir(t, c.mode)
			if c.others {
				giveAway(t, dir)
			}
			for secret, want := range map[string]string{"": c.unsigned, testSecret: c.signed} {
				_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.File(dir), SecretKey: secret})
				if want == good {
					check(t, "NewManager", err, nil)
					continue
				}
				if !errors.Is(err, ginsession.ErrConfig) {
					t.Errorf("NewManager: %v, want ErrConfig", err)
					continue
				}
				checkContains(t, err.Error(), "Engine", dir, want)
			}
			check(t, "mode", mode(t, dir), fs.ModeDir|c.mode)
		})
	}
}

// TestFileSystemFolder uses the folder for temporary files, as Django does by default.
func TestFileSystemFolder(t *testing.T) {
	t.Setenv("TMPDIR", sharedDir(t, sticky))
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.File("")})
	if !errors.Is(err, ginsession.ErrConfig) {
		t.Fatalf("NewManager: %v, want ErrConfig", err)
	}
	checkContains(t, err.Error(), os.TempDir(), "SecretKey")
	d := newFileDesk(t, "", withSecret)
	key := d.saved(t, map[string]any{"a": 1})
	check(t, "a", d.session(t, key).Get("a"), int64(1))
}

// TestFilePlanted has somebody else put a file in the place of a session's.
func TestFilePlanted(t *testing.T) {
	for name, c := range map[string]struct {
		mode fs.FileMode
		put  func(t *testing.T, file, sound string)
	}{
		"a file of another user": {0o700, func(t *testing.T, file, sound string) {
			copyFile(t, file, sound)
			giveAway(t, file)
		}},
		"a link to a sound file": {sticky, func(t *testing.T, file, sound string) {
			if err := os.Link(sound, file); err != nil {
				t.Fatal(err)
			}
		}},
		"a huge file": {0o700, func(t *testing.T, file, _ string) {
			writeFile(t, file, "", start)
			if err := os.Truncate(file, 1<<40); err != nil {
				t.Skip("SKIPPED: no sparse files: ", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := sharedDir(t, c.mode)
			d := newFileDesk(t, dir, withSecret)
			sound := d.saved(t, map[string]any{"admin": true})
			file := filepath.Join(dir, "sessionid"+fileKey)
			c.put(t, file, filepath.Join(dir, "sessionid"+sound))

			s := d.session(t, fileKey)
			check(t, "Load", s.Load(), nil)
			check(t, "items", s.Items(), map[string]any{})
			check(t, "key", s.Key(), "")
			checkContains(t, d.log.String(), "level=WARN", "treated as no session", "reason=")
			if strings.Contains(d.log.String(), fileKey) {
				t.Error("the key was logged:", d.log)
			}
			_, err := openStore(t, ginsession.Config{Engine: ginsession.File(dir), SecretKey: testSecret}).Load(t.Context(), fileKey, start)
			checkNotFound(t, "Load", err)
			d.clock.Advance(365 * 24 * time.Hour)
			if _, err := d.ClearExpired(t.Context()); err != nil {
				t.Error("ClearExpired:", err)
			}
			if _, err := os.Lstat(file); err != nil {
				t.Error("the file was removed:", err)
			}
		})
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(data), start)
}

// TestFileLocksPlanted has somebody else make a lock's file beforehand.
func TestFileLocksPlanted(t *testing.T) {
	model := sharedDir(t, sticky)
	newFileDesk(t, model, withSecret)
	locks, err := filepath.Glob(filepath.Join(model, ".ginsession.*.lock"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "locks made at start-up", len(locks), 64)
	for _, lock := range locks {
		dir := sharedDir(t, sticky)
		planted := filepath.Join(dir, filepath.Base(lock))
		writeFile(t, planted, "", start)
		giveAway(t, planted)
		_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.File(dir), SecretKey: testSecret})
		if !errors.Is(err, ginsession.ErrConfig) {
			t.Fatalf("NewManager: %v, want ErrConfig", err)
		}
		checkContains(t, err.Error(), dir, "lock")
	}
}

// TestFileLeftByOthers has temporary files in the folder that only another user can remove.
func TestFileLeftByOthers(t *testing.T) {
	dir := sharedDir(t, sticky)
	d := newFileDesk(t, dir, withSecret)
	left := filepath.Join(dir, ".ginsession.0.SOMEBODY.1.tmp")
	writeFile(t, left, "", start)
	giveAway(t, left)
	checkCleared(t, d.Manager, 0)
	if _, err := os.Lstat(left); err != nil {
		t.Error("the other user's file was removed:", err)
	}
}

// TestFileRecordLimit stores the largest record, and one that is larger.
func TestFileRecordLimit(t *testing.T) {
	const limit = 16 << 20
	store := openFileStore(t, t.TempDir())
	r := ginsession.Record{Data: make([]byte, limit), Expires: start.Add(time.Hour)}
	check(t, "Create", store.Create(t.Context(), fileKey, r, start), nil)
	got, err := store.Load(t.Context(), fileKey, start)
	check(t, "length", len(got.Data), limit)
	check(t, "Load", err, nil)
	r.Data = make([]byte, limit+1)
	err = store.Create(t.Context(), otherKey, r, start)
	if err == nil {
		t.Fatal("Create of a larger record: no error")
	}
	checkContains(t, err.Error(), "16777217 bytes", "16777216")
}
