//go:build unix && !aix && !solaris

package ginsession_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
)

// What the file engine withstands: a disk that is full or read-only, files that are torn, locks
// that others hold. What processes do to each other is in engine_file_processes_test.go.

// mountSmall returns a folder that is a disk of 2 MB.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		testserver.Missing(t, fmt.Sprintf("no small disk: mounting one takes root on Linux: %v: %s", err, output))
	}
	t.Cleanup(func() { // lazily, because a manager keeps its folder open
		if output, err := exec.Command("umount", "--lazy", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, output)
		}
	})
	return dir
}

// fill leaves no room on a disk, and returns how to make some again.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileDiskFull(t *testing.T) {
	dir := mountSmall(t)
	d := newFileDesk(t, dir)
	key := d.saved(t, map[string]any{"a": "old"})
	v := newSiteWith(t, d).visitor(t)
	v.setKey(key)
	empty := fill(t, dir)
	for name, change := range map[string]func(s *ginsession.Session){
		"a small record": func(s *ginsession.Session) { s.Set("a", "new") },
		"a large record": func(s *ginsession.Session) { s.Set("a", strings.Repeat("new", 100_000)) },
		"a new key":      func(s *ginsession.Session) { _ = s.CycleKey(); s.Set("a", "new") },
		"a new session":  func(s *ginsession.Session) { _ = s.Flush(); s.Set("a", "new") },
	} {
		t.Run(name, func(t *testing.T) {
			var s *ginsession.Session
			if name == "a new session" {
				s = d.session(t, "")
			} else {
				s = d.session(t, key)
			}
			change(s)
			checkRefused(t, s.Save(), syscall.ENOSPC, key)
			check(t, "a", d.session(t, key).Get("a"), "old")
			check(t, "temporary files left", temporaries(t, dir), []string{})
		})
	}
	r := v.post(func(s *ginsession.Session) { s.Set("a", "new") })
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "cookies", r.Cookies(), []*http.Cookie{})
	check(t, "a", d.session(t, key).Get("a"), "old")

	empty()
	r = v.post(func(s *ginsession.Session) { s.Set("a", "new") })
	check(t, "status", r.StatusCode, http.StatusOK)
	check(t, "a", d.session(t, key).Get("a"), "new")
	check(t, "sessions", len(sessionFiles(t, dir)), 1)
}

// checkRefused checks how a write ended that the system refused.
func checkRefused(t *testing.T, err, cause error, key string) {
	t.Helper()
	if !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, cause) {
		t.Errorf("error: %v, want ErrUnavailable for %v", err, cause)
	}
	if err != nil && strings.Contains(err.Error(), key) {
		t.Errorf("the error shows the key: %v", err)
	}
}

func TestFileReadOnly(t *testing.T) {
	dir := mountSmall(t)
	d := newFileDesk(t, dir)
	key := d.saved(t, map[string]any{"a": "old"})
	remount := func(how string) {
		t.Helper()
		if output, err := exec.Command("mount", "-o", "remount,"+how, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	remount("ro")
	s := d.session(t, key)
	check(t, "a", s.Get("a"), "old")
	s.Set("a", "new")
	checkRefused(t, s.Save(), syscall.EROFS, key)
	checkRefused(t, d.session(t, key).Flush(), syscall.EROFS, key)
	s = d.session(t, key)
	check(t, "CycleKey", s.CycleKey(), nil)
	checkRefused(t, s.Save(), syscall.EROFS, key)
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.File(dir)})
	if !errors.Is(err, ginsession.ErrConfig) {
		t.Errorf("NewManager: %v, want ErrConfig", err)
	}
	checkContains(t, fmt.Sprint(err), "Engine", dir, "read-only", "choose a folder")
	remount("rw")
	check(t, "a", d.session(t, key).Get("a"), "old")
	check(t, "temporary files left", temporaries(t, dir), []string{})
	check(t, "Flush", d.session(t, key).Flush(), nil)
	checkExists(t, d, key, false)
}

// TestFileOldKeyStays has the old file of a session that gets a new key refuse to go: a file that
// something is mounted on cannot be removed.
func TestFileOldKeyStays(t *testing.T) {
	dir := mountSmall(t)
	d := newFileDesk(t, dir)
	key := d.saved(t, map[string]any{"a": "old"})
	file := filepath.Join(dir, "sessionid"+key)
	if output, err := exec.Command("mount", "--bind", file, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", file).Run() })
	s := d.session(t, key)
	check(t, "CycleKey", s.CycleKey(), nil)
	checkRefused(t, s.Save(), syscall.EBUSY, key)
	check(t, "files", sessionFiles(t, dir), []string{"sessionid" + key})
	check(t, "a", d.session(t, key).Get("a"), "old")
}

// TestFileTorn cuts a session's file at every byte, and flips every byte.
func TestFileTorn(t *testing.T) {
	for name, change := range map[string]func(*ginsession.Config){
		"plain":  func(*ginsession.Config) {},
		"signed": withSecret,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := newFileDesk(t, dir, change)
			key := d.saved(t, map[string]any{"name": "Ada", "n": 1, "list": []int{1, 2}})
			file := filepath.Join(dir, "sessionid"+key)
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(whole); i++ { // 0 is TestFileEmpty's
				if !d.refuses(t, file, key, whole[:i]) {
					t.Errorf("cut to %q, it is a session", whole[:i])
				}
			}
			for i := range whole {
				flipped := bytes.Clone(whole)
				flipped[i] ^= 0xff
				if !d.refuses(t, file, key, flipped) && name == "signed" {
					t.Errorf("as %q, it is a session", flipped)
				}
			}
			writeFile(t, file, string(whole), start)
			check(t, "name", d.session(t, key).Get("name"), "Ada")
		})
	}
}

// refuses reports whether data in a session's file make an empty session without a key, and
// checks that there is a warning then.
func (d *desk) refuses(t *testing.T, file, key string, data []byte) bool {
	t.Helper()
	writeFile(t, file, string(data), start)
	before := len(d.log.String())
	s := d.session(t, key)
	empty := len(s.Items()) == 0
	check(t, "Err", s.Err(), nil)
	if s.Key() != "" {
		return false
	}
	warning := d.log.String()[before:]
	checkContains(t, warning, "level=WARN")
	if strings.Contains(warning, key) {
		t.Errorf("the key was logged: %s", warning)
	}
	return empty
}

// holdLocks has somebody else hold every lock that the engine has used so far.
func holdLocks(t *testing.T, dir string) (release func()) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".ginsession.*.lock"))
	if err != nil || len(names) == 0 {
		t.Fatalf("lock files: %q, %v", names, err)
	}
	var files []*os.File
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return func() {
		for _, f := range files {
			f.Close()
		}
	}
}

// TestFileLocked has another process stop while it holds the lock.
func TestFileLocked(t *testing.T) {
	dir := t.TempDir()
	d := newFileDesk(t, dir, func(cfg *ginsession.Config) { cfg.StoreTimeout = 50 * time.Millisecond })
	key := d.saved(t, map[string]any{"a": "old"})
	release := holdLocks(t, dir)
	s := d.session(t, key)
	check(t, "a, which needs no lock", s.Get("a"), "old")
	s.Set("a", "new")
	err := s.Save()
	for _, want := range []error{ginsession.ErrUnavailable, ginsession.ErrConflict, context.DeadlineExceeded} {
		if !errors.Is(err, want) {
			t.Errorf("Save: %v, want %v", err, want)
		}
	}
	check(t, "temporary files left", temporaries(t, dir), []string{})
	release()
	save(t, s)
	check(t, "a", d.session(t, key).Get("a"), "new")
}

// TestFileWaitsInProcess has a goroutine wait for another one of the same process.
func TestFileWaitsInProcess(t *testing.T) {
	store := openFileStore(t, t.TempDir())
	r := ginsession.Record{Data: []byte("{}"), Expires: start.Add(time.Hour)}
	if err := store.Create(t.Context(), fileKey, r, start); err != nil {
		t.Fatal(err)
	}
	_, err := store.Update(t.Context(), fileKey, r, start, func(r ginsession.Record) (ginsession.Record, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := store.Delete(ctx, fileKey)
		if !errors.Is(err, ginsession.ErrConflict) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Delete beside an Update: %v, want ErrConflict and the context's error", err)
		}
		return r, nil
	})
	check(t, "Update", err, nil)
	check(t, "Delete", store.Delete(t.Context(), fileKey), nil)
}
