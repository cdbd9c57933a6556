package ginsession_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ginsession/ginsession"
)

// TestFileFolderReplaced has the folder removed or renamed, and made again, under a running
// program.
func TestFileFolderReplaced(t *testing.T) {
	for name, takeAway := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"renamed": func(dir string) error { return os.Rename(dir, dir+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "sessions")
			d := newFileDesk(t, dir)
			key := d.saved(t, map[string]any{"a": "old"})
			v := newSiteWith(t, d).visitor(t)
			v.setKey(key)
			if err := takeAway(dir); err != nil {
				t.Skip("SKIPPED: the system keeps an open folder in its place: ", err)
			}

			for range 2 {
				r := v.post(func(s *ginsession.Session) { s.Set("a", "lost") })
				check(t, "status without the folder", r.StatusCode, http.StatusServiceUnavailable)
				check(t, "cookies", r.Cookies(), []*http.Cookie{})
			}
			if err := d.session(t, key).Load(); !errors.Is(err, ginsession.ErrUnavailable) {
				t.Errorf("Load without the folder: %v, want ErrUnavailable", err)
			}
			check(t, "times the folder's loss was logged", strings.Count(d.log.String(), "make it again"), 1)

			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			check(t, "the old session's a", d.session(t, key).Get("a"), nil)
			r := v.post(func(s *ginsession.Session) { s.Set("a", "new") })
			check(t, "status with the new folder", r.StatusCode, http.StatusOK)
			check(t, "a", d.session(t, v.key()).Get("a"), "new")
			check(t, "files", sessionFiles(t, dir), []string{"sessionid" + v.key()})
			checkContains(t, d.log.String(), "level=WARN", "the session folder was replaced")
		})
	}
}

// TestFileFolderByAnotherName has the program change its working directory.
func TestFileFolderByAnotherName(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	d := newFileDesk(t, "sessions")
	key := d.saved(t, map[string]any{"a": 1})
	t.Chdir(t.TempDir())
	check(t, "a", d.session(t, key).Get("a"), int64(1))
	check(t, "files", sessionFiles(t, filepath.Join(dir, "sessions")), []string{"sessionid" + key})
}

// TestFileFolderReplacedOnce has many requests find the new folder at once: one of them opens it.
func TestFileFolderReplacedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	d := newFileDesk(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Skip("SKIPPED: the system keeps an open folder in its place: ", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const requests = 8
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			s := d.session(t, "")
			s.Set("a", 1)
			check(t, "Save", s.Save(), nil)
		})
	}
	wg.Wait()
	check(t, "files", len(sessionFiles(t, dir)), requests)
	check(t, "times the replacement was logged", strings.Count(d.log.String(), "was replaced"), 1)
}
