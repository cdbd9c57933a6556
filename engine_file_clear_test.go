package ginsession_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func checkCleared(t *testing.T, m *ginsession.Manager, want int64, options ...ginsession.ClearOption) {
	t.Helper()
	removed, err := m.ClearExpired(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "removed", removed, want)
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
	checkCleared(t, d.Manager, expired+1, ginsession.ClearBatchSize(250), ginsession.ClearPause(-1),
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
