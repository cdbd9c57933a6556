//go:build unix && !aix && !solaris

package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ginsession/ginsession/internal/filelock"
)

// Two Locks values on one folder know nothing of each other, like those of two processes.

func TestExcludesAmongProcesses(t *testing.T) {
	dir := t.TempDir()
	a, b := openLocks(t, dir), openLocks(t, dir)
	run(t, a, func() { refused(t, b, "a") }, "a")
	run(t, b, func() { refused(t, a, "a") }, "a")
	var wg sync.WaitGroup
	var holders atomic.Int32
	for _, l := range []*filelock.Locks{a, b, a, b} {
		wg.Go(func() {
			for range 50 {
				run(t, l, func() {
					if holders.Add(1) != 1 {
						t.Error("two hold the lock")
					}
					holders.Add(-1)
				}, "a")
			}
		})
	}
	wg.Wait()
}

// A poll is a context that tells when somebody who waits for a file's lock has failed to get it.
type poll struct {
	context.Context
	failed chan struct{}
}

func (p poll) Done() <-chan struct{} {
	select {
	case p.failed <- struct{}{}:
	default:
	}
	return p.Context.Done()
}

// TestSweptFile has somebody remove the lock's file, as systems do in folders for temporary files,
// while one process holds the lock and another waits for it. A third makes the file anew.
func TestSweptFile(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	defer wg.Wait()
	firstIn, firstGo, firstOut := make(chan bool), make(chan bool), make(chan bool)
	wg.Go(func() {
		run(t, openLocks(t, dir), func() { close(firstIn); <-firstGo }, "a")
		close(firstOut)
	})
	<-firstIn

	waits := poll{t.Context(), make(chan struct{})}
	secondIn := make(chan bool)
	wg.Go(func() {
		if err := openLocks(t, dir).Run(waits, func() error { close(secondIn); return nil }, "a"); err != nil {
			t.Error("Run:", err)
		}
	})
	select {
	case <-waits.failed: // it has the file open that is removed now
	case <-secondIn:
		t.Fatal("two hold the lock")
	}
	locks, err := filepath.Glob(filepath.Join(dir, "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("lock files: %q, %v; want one", locks, err)
	}
	if err := os.Remove(locks[0]); err != nil {
		t.Fatal(err)
	}
	run(t, openLocks(t, dir), func() {
		close(firstGo)
		<-firstOut
		for range 3 { // attempts, the last of which cannot have begun before the first one was out
			select {
			case <-waits.failed:
			case <-secondIn:
				t.Error("two hold the lock")
				return
			}
		}
	}, "a")
	<-secondIn
}

func TestMakeFiles(t *testing.T) {
	dir := t.TempDir()
	l := openLocks(t, dir)
	run(t, l, func() {
		if err := l.MakeFiles(); err != nil {
			t.Error("MakeFiles while a lock is held:", err)
		}
	}, "a")
	for stripe := range filelock.Stripes {
		info, err := os.Stat(filepath.Join(dir, fileName(stripe)))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("the file of lock %d: %v, %v; want mode 0600", stripe, info, err)
		}
	}
}

// TestFileThatCannotBeUsed has a folder, and a file of another user, in the place of locks' files.
func TestFileThatCannotBeUsed(t *testing.T) {
	for name, put := range map[string]func(file string) error{
		"a folder": func(file string) error { return os.Mkdir(file, 0o700) },
		"another user's": func(file string) error {
			return errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 54321, 54321))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for stripe := range filelock.Stripes {
				if err := put(filepath.Join(dir, fileName(stripe))); errors.Is(err, fs.ErrPermission) {
					t.Skip("SKIPPED: giving a file to another user takes root: ", err)
				} else if err != nil {
					t.Fatal(err)
				}
			}
			l := openLocks(t, dir)
			if err := l.MakeFiles(); err == nil {
				t.Error("MakeFiles: no error")
			}
			err := l.Run(t.Context(), func() error { t.Error("it was run"); return nil }, "a")
			var failed *filelock.Error
			if !errors.As(err, &failed) {
				t.Errorf("Run: %v, want an Error", err)
			}
		})
	}
}
