//go:build unix && !aix && !solaris

package ginsession_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// What the file engine withstands: processes that are killed, a disk that is full or read-only,
// files that are torn, several processes on one folder.

// A fileChild is a process of its own that works in a folder.
type fileChild struct {
	*exec.Cmd
	reports *bufio.Scanner // what it says, line by line
}

// startFileChild starts this test binary again, to do what TestFileChild does in a role.
func startFileChild(t *testing.T, role, dir string, args ...string) fileChild {
	t.Helper()
	reports, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFileChild$")
	cmd.Env = append(os.Environ(), "TEST_FILE_CHILD="+strings.Join(append([]string{role, dir}, args...), "\n"))
	cmd.ExtraFiles = []*os.File{theirs}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reports.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the process that is to %s said: %s", role, &output)
		}
	})
	return fileChild{cmd, bufio.NewScanner(reports)}
}

// TestFileChild is what the processes do that other tests start. By itself it does nothing.
func TestFileChild(t *testing.T) {
	args := strings.Split(os.Getenv("TEST_FILE_CHILD"), "\n")
	if args[0] == "" {
		return
	}
	m := sharedFolder(t, args[1])
	switch args[0] {
	case "hammer":
		hammer(t, m, args[2], args[3])
	case "increment":
		increment(t, m, args[2])
	case "write":
		writeUntilKilled(t, m, args[2:], os.NewFile(3, "report"))
	}
}

// sharedFolder makes a manager as each of the processes on a folder does.
func sharedFolder(t *testing.T, dir string, changes ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	cfg := ginsession.Config{Engine: ginsession.File(dir), HashKeys: ginsession.Off, StoreTimeout: time.Minute}
	for _, change := range changes {
		change(&cfg)
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	hammers = 8  // goroutines of a process
	blows   = 20 // changes that each of them makes
)

// hammer changes one session from many goroutines: a key of their own each, and a counter.
func hammer(t *testing.T, m *ginsession.Manager, key, name string) {
	var wg sync.WaitGroup
	for i := range hammers {
		wg.Go(func() {
			for n := range blows {
				s := m.Open(context.Background(), key)
				s.Set(name+strconv.Itoa(i), n+1)
				_, err := ginsession.Modify(s, "counter", func(old int, _ bool) int { return old + 1 })
				if err := errors.Join(err, s.Save()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestFileTwoProcessesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	m := sharedFolder(t, dir)
	s := m.Open(t.Context(), "")
	save(t, s)
	names := []string{"a", "b"}
	var children []fileChild
	for _, name := range names {
		children = append(children, startFileChild(t, "hammer", dir, s.Key(), name))
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	s = m.Open(t.Context(), s.Key())
	check(t, "counter", s.Get("counter"), int64(len(names)*hammers*blows))
	for _, name := range names {
		for i := range hammers {
			check(t, name+strconv.Itoa(i), s.Get(name+strconv.Itoa(i)), int64(blows))
		}
	}
	check(t, "temporary files left", temporaries(t, dir), []string{})
}

// increments is how often each of many processes increments the counter.
const increments = 10

// increment increments a session's counter.
func increment(t *testing.T, m *ginsession.Manager, key string) {
	for range increments {
		s := m.Open(context.Background(), key)
		_, err := ginsession.Modify(s, "counter", func(old int, _ bool) int { return old + 1 })
		if err := errors.Join(err, s.Save()); err != nil {
			t.Error(err)
		}
	}
}

func TestFileSixteenProcessesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	m := sharedFolder(t, dir)
	s := m.Open(t.Context(), "")
	save(t, s)
	const processes = 16
	var children []fileChild
	for range processes {
		children = append(children, startFileChild(t, "increment", dir, s.Key()))
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "counter", m.Open(t.Context(), s.Key()).Get("counter"), int64(processes*increments))
	check(t, "temporary files left", temporaries(t, dir), []string{})
}

// cycler is the place among the writers of the one that gives its session a new key every time.
const cycler = 0

// writeUntilKilled counts up in sessions, and reports each number once it is saved.
func writeUntilKilled(t *testing.T, m *ginsession.Manager, keys []string, report io.Writer) {
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() {
			for {
				s := m.Open(context.Background(), key)
				n, ok := ginsession.Value[int](s, "n")
				if !ok {
					t.Errorf("writer %d has lost its session: %v", i, s.Err())
					return
				}
				if i == cycler {
					_ = s.CycleKey()
				}
				count(s, n+1)
				if err := s.Save(); err != nil {
					t.Error(err)
					return
				}
				key = s.Key()
				if _, err := fmt.Fprintln(report, i, n+1, key); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// count sets n, and with it a text of varying length by which a torn record would show.
func count(s *ginsession.Session, n int) {
	s.Set("n", n)
	s.Set("text", countText(n))
}

func countText(n int) string { return strings.Repeat(strconv.Itoa(n)+" ", n%500) }

// TestFileKilled kills processes that write, 1 to 50 ms after their first acknowledged write:
// TEST_KILLS times, by default 50.
func TestFileKilled(t *testing.T) {
	rounds := 50
	if text := os.Getenv("TEST_KILLS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal("TEST_KILLS:", err)
		}
	}
	dir := t.TempDir()
	m := sharedFolder(t, dir)
	keys := make([]string, 4)
	saved := make([]int, len(keys))
	for i := range keys {
		s := m.Open(t.Context(), "")
		count(s, 0)
		save(t, s)
		keys[i] = s.Key()
	}
	for round := range rounds {
		killWriters(t, dir, keys, saved)
		for i := range keys {
			if i == cycler {
				keys[i] = survivor(t, m, dir, keys)
			}
			saved[i] = checkCounted(t, m, keys[i], saved[i])
		}
		if t.Failed() {
			t.Fatal("after round", round)
		}
	}
	if saved[cycler] == 0 || saved[cycler+1] == 0 {
		t.Errorf("acknowledged writes of each writer: %d; want some", saved)
	}
	t.Logf("acknowledged writes of each writer: %d; left behind: %d temporary files", saved, len(temporaries(t, dir)))

	later := sharedFolder(t, dir, func(cfg *ginsession.Config) {
		cfg.Clock = func() time.Time { return time.Now().Add(2 * time.Hour) }
	})
	checkCleared(t, later, 0)
	check(t, "temporary files left", temporaries(t, dir), []string{})
	check(t, "sessions", len(sessionFiles(t, dir)), len(keys))
}

// killWriters notes what a process has acknowledged before it was killed.
func killWriters(t *testing.T, dir string, keys []string, saved []int) {
	t.Helper()
	child := startFileChild(t, "write", dir, keys...)
	kill := func() { _ = child.Process.Kill() }
	for first := true; child.reports.Scan(); first = false {
		var i, n int
		var key string
		if _, err := fmt.Sscan(child.reports.Text(), &i, &n, &key); err != nil {
			t.Fatalf("report %q: %v", child.reports.Text(), err)
		}
		saved[i], keys[i] = n, key
		if first {
			time.AfterFunc(time.Duration(1+rand.IntN(50))*time.Millisecond, kill)
		}
	}
	_ = child.Wait()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended by itself: %v", child.ProcessState)
	}
}

// survivor returns the key of the session whose key changes all the time. The last
// acknowledged one may have been replaced, or the one that replaces it may be there beside it.
func survivor(t *testing.T, m *ginsession.Manager, dir string, keys []string) string {
	t.Helper()
	var others []string
	for _, file := range sessionFiles(t, dir) {
		key := strings.TrimPrefix(file, "sessionid")
		if exists := strings.Join(keys[cycler+1:], " "); !strings.Contains(exists, key) {
			others = append(others, key)
		}
	}
	switch {
	case len(others) == 1:
		return others[0]
	case len(others) == 2 && strings.Contains(strings.Join(others, " "), keys[cycler]):
		for _, key := range others {
			if key != keys[cycler] {
				check(t, "Delete", m.Delete(t.Context(), key), nil)
			}
		}
		return keys[cycler]
	}
	t.Fatalf("%d sessions are left of the one whose key changes", len(others))
	return ""
}

// checkCounted checks that a session holds the last acknowledged number, or the one after it,
// whole, and returns it.
func checkCounted(t *testing.T, m *ginsession.Manager, key string, acknowledged int) int {
	t.Helper()
	s := m.Open(t.Context(), key)
	n, ok := ginsession.Value[int](s, "n")
	if !ok || n != acknowledged && n != acknowledged+1 {
		t.Errorf("n = %d (%v, %v), want %d, which was acknowledged, or one more", n, ok, s.Err(), acknowledged)
	}
	if s.Get("text") != countText(n) {
		t.Errorf("the record of n = %d is torn", n)
	}
	return n
}

// mountSmall returns a folder that is a disk of 2 MB.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		missing(t, "no small disk: mounting one takes root on Linux: %v: %s", err, output)
	}
	t.Cleanup(func() { // lazily, for a manager keeps its folder open
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
