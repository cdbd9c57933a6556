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
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// Several processes on one folder, some of which are killed.

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
