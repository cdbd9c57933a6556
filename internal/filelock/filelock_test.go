package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ginsession/ginsession/internal/filelock"
)

func fileName(stripe int) string { return fmt.Sprintf("%02d.lock", stripe) }

// openLocks returns the locks of a folder, as each process that uses it has them.
func openLocks(t *testing.T, dir string) *filelock.Locks {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return filelock.New(root, fileName)
}

// run locks names and fails the test if that is not possible.
func run(t *testing.T, l *filelock.Locks, f func(), names ...string) {
	t.Helper()
	if err := l.Run(t.Context(), func() error { f(); return nil }, names...); err != nil {
		t.Error("Run:", err)
	}
}

// refused checks that names cannot be locked before a context ends, and that nothing is run.
func refused(t *testing.T, l *filelock.Locks, names ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := l.Run(ctx, func() error { t.Error("two hold the lock"); return nil }, names...)
	var failed *filelock.Error
	if !errors.As(err, &failed) || !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v, want an Error for the end of the context", err)
	}
}

func TestExcludesWithinAProcess(t *testing.T) {
	l := openLocks(t, t.TempDir())
	run(t, l, func() { refused(t, l, "a") }, "a")
	run(t, l, func() {}, "a")
	run(t, l, func() { refused(t, l, "b", "a") }, "a", "c")
	run(t, l, func() {}, "b")
}

func TestReturnsWhatItsFunctionReturns(t *testing.T) {
	l := openLocks(t, t.TempDir())
	want := errors.New("of the function")
	if err := l.Run(t.Context(), func() error { return want }, "a"); err != want {
		t.Errorf("Run: %v, want %v", err, want)
	}
}

func TestUnlocksAfterAPanic(t *testing.T) {
	l := openLocks(t, t.TempDir())
	func() {
		defer func() { _ = recover() }()
		run(t, l, func() { panic("in the function") }, "a")
	}()
	run(t, l, func() {}, "a")
}

// TestNoDeadlock has goroutines lock two names in either order, and one name twice.
func TestNoDeadlock(t *testing.T) {
	l := openLocks(t, t.TempDir())
	var wg sync.WaitGroup
	var holders atomic.Int32
	for _, names := range [][]string{{"a", "b"}, {"b", "a"}, {"a", "a"}, {"a"}} {
		wg.Go(func() {
			for range 100 {
				run(t, l, func() {
					if holders.Add(1) != 1 {
						t.Error("two hold the lock")
					}
					holders.Add(-1)
				}, names...)
			}
		})
	}
	wg.Wait()
}
